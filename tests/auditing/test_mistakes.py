"""What an audit refuses, before an image is looked at."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import synthgen
from synthgen.errors import ModelError, SpecError, SynthgenError, UsageError
from tests.auditing.audits import JUDGE, judged
from tests.auditing.portraits import ATTRIBUTES, table
from tests.command import call, command_line

SKIN: dict[str, Any] = {"known": {"skin": "skin"}}


MISTAKES: dict[str, tuple[dict[str, Any], type[SynthgenError], str]] = {
    "nothing to measure": ({"targets": {"skin": "uniform"}}, UsageError, "nothing to measure"),
    "nothing to gate": ({"gates": ["skin: unknown <= 0.1"]}, UsageError, "nothing to measure"),
    "no such column": ({"known": {"skin": "tone"}}, UsageError, "has no column 'tone'"),
    "no such label": ({**SKIN, "label": "kind"}, UsageError, "has no column 'kind'"),
    "one value": ({"known": {"kind": "constant"}}, UsageError, "the column holds x"),
    "one value in two spellings": ({"known": {"eyes": "eyes"}}, UsageError, "holds 'Brown' and 'brown'"),
    "a large Unknown": ({"known": {"hair": "hair"}}, UsageError, "holds 'Unknown'"),
    "a measurement": ({"known": {"size": "size"}}, UsageError, "36 values in 36 images"),
    "no such gate": ({**SKIN, "gates": ["skin"]}, UsageError, "not understood"),
    "gate without a reference": ({**SKIN, "gates": ["skin: tv <= 0.1"]}, UsageError, "no target"),
    "target of nothing": ({**SKIN, "targets": {"hair": "uniform"}}, UsageError, "no attribute 'hair'"),
    "target in words": ({**SKIN, "targets": {"skin": "even"}}, UsageError, "not understood"),
    "target of no value": ({**SKIN, "targets": {"skin": "pale:1"}}, UsageError, "'pale'"),
    "a judge twice": ({"judges": ["a/b", "c/d", "a/b"]}, UsageError, "expected different judges"),
    "a judge that knows the truth": ({"judges": ["bundled:reader"]}, UsageError, "the bundled reader is never a judge"),
    "no name after vqa": ({"judges": ["vqa:blip"]}, UsageError, "expected a hub id or a folder after the colon"),
    "no judge's name": ({"judges": ["clip"]}, UsageError, "judges: clip: expected"),
    "a judge that is not there": ({"judges": ["local-dir:nowhere"]}, ModelError, "nowhere"),
    "matrix of nothing": ({**SKIN, "confusions": {"hair": Path("x")}}, UsageError, "no attribute 'hair'"),
    "matrix in words": ({**SKIN, "confusions": {"skin": Path("words.csv")}}, UsageError, "words.csv"),
    "labels elsewhere": ({**SKIN, "labels": Path("nowhere.csv")}, UsageError, "nowhere.csv"),
    "attributes with other keys": ({"attributes": Path("wrong.yaml")}, SpecError, "unknown key"),
    "no images": ({"attributes": Path("right.yaml"), "judges": [JUDGE]}, UsageError, "has no images to look at"),
}


@pytest.mark.parametrize("cross", [("skin_tone", "hair"), ("class",), ("class", "class")])
def test_what_cannot_be_crossed_is_told_before_an_image_is_looked_at(
    cross: tuple[str, ...], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("synthgen.api.wiring.towers", None)
    with pytest.raises(UsageError, match="crossing"):
        judged(folder, cross=[cross], cache=tmp_path)


@pytest.mark.parametrize(("given", "error", "message"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told(
    given: dict[str, Any], error: type[SynthgenError], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    frame = pd.DataFrame([{"label": row["label"], "skin": row["skin"], "constant": "x"} for row in table(18)])
    frame = frame.assign(eyes=["Brown", "brown", "blue"] * 12, hair=["Unknown", "red", "fair"] * 12)
    frame = frame.assign(size=[each / 7 for each in range(len(frame))])
    frame.to_csv("set.csv", index=False)
    Path("words.csv").write_text("truth,light\nlight,many\n")
    Path("wrong.yaml").write_text(ATTRIBUTES + "name: x\n")
    Path("right.yaml").write_text(ATTRIBUTES)
    with pytest.raises(error, match=message):
        synthgen.audit("set.csv", **given)


def test_an_audit_overwrites_neither_a_run_nor_its_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    pd.DataFrame({"label": ["a", "b"], "skin": ["x", "y"]}).to_csv(tmp_path / "set.csv", index=False)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "plan.json").touch()
    (tmp_path / "file").touch()
    asked = ["audit", "set.csv", "--known", "skin=skin", "-o"]
    for place, code, message in (("run", 2, "is a run"), ("set.csv", 2, "is the set"), ("file", 5, "is a file")):
        assert command_line([*asked, place]) == code
        assert message in capsys.readouterr().err
    assert command_line([*asked, "out", "--known", "skin=label"]) == 2
    assert "'skin' is given twice" in capsys.readouterr().err
    assert not (tmp_path / "run" / "report.html").exists()


def test_the_keys_in_an_address_are_not_repeated(tmp_path: Path) -> None:
    done = call("audit", "s3://key:canary@bucket/set", "--known", "skin=skin", folder=tmp_path)
    assert done.returncode == 2
    assert "canary" not in done.stdout + done.stderr
    assert "looking on the hub" not in done.stderr

"""The files that a spec names are looked into when it is read: what is wrong with them has its place in the spec."""

from pathlib import Path

import pytest

from synthgen.api.specs import read_spec
from synthgen.errors import SpecError
from synthgen.judging.calibration.threshold import Calibration
from synthgen.spec import parse_spec
from synthgen.spec.written import written_in_full

SPEC = """\
synthgen: 1
name: files
model: {id: "bundled:workers"}
classes: {doctor: 20, chef: 2}
prompts: {templates: ["a {class}"]}
attributes:
  hair: {values: {short: [short hair], long: [long hair], none: [a bald head]}}
balance: [{attribute: hair, target: {from: real.csv}}]
"""
CALIBRATED = SPEC.split("attributes", maxsplit=1)[0] + "filters: {label: {calibration: chosen.json}}\n"

FILES = {
    "no file": (None, "8:44: balance.0.target.from: there is no file real.csv in "),
    "no such column": ("colour\nred\n", "8:44: balance.0.target.from: real.csv has no column 'hair'; it has colour"),
    "no value": ("hair\n\nunknown\n", "8:44: balance.0.target.from: real.csv: hair holds no value"),
    "strange value": ("hair\nshort\nred\n", "8:44: balance.0.target.from: real.csv: hair has the value 'red', which"),
    "shares": (
        "hair,share\nshort,0.9\nlong,0.1\n",
        "8:44: balance.0.target.from: real.csv: no value of hair is duplicated",
    ),
    "binary": (b"\0\xff", "8:44: balance.0.target.from: real.csv"),
    "too few images": ("hair\nshort\nshort\nlong\nnone\n", "4:29: classes.chef: 2 images cannot fill the 3 cells"),
}


@pytest.mark.parametrize(("content", "expected"), FILES.values(), ids=FILES.keys())
def test_what_is_wrong_with_a_real_set_has_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | bytes | None, expected: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("spec.yaml").write_text(SPEC)
    if content is not None:
        Path("real.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(SpecError) as caught:
        read_spec(Path("spec.yaml"))
    problem, *others = map(str, caught.value.problems)
    assert (problem.startswith(f"spec.yaml:{expected}"), others) == (True, []), problem


def test_shares_are_those_of_the_rows_that_have_a_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("spec.yaml").write_text(SPEC.replace("chef: 2", "chef: 9"))
    Path("real.csv").write_text("hair\nshort\nshort\nlong\nnot applicable\n\nshort\nunknown\n")
    assert read_spec(Path("spec.yaml")).balance[0].target == {"short": 0.75, "long": 0.25, "none": 0.0}


def test_a_calibration_is_looked_for_unless_it_is_to_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("spec.yaml").write_text(CALIBRATED)
    read_spec(Path("spec.yaml"), calibrated=False)
    with pytest.raises(SpecError, match=r"spec.yaml:6:32: filters.label.calibration: there is no file chosen.json in "):
        read_spec(Path("spec.yaml"))
    Path("chosen.json").write_text("{}")
    with pytest.raises(SpecError, match=r"spec.yaml:6:32: filters.label.calibration: chosen.json is not a calibration"):
        read_spec(Path("spec.yaml"))


def test_shares_and_thresholds_may_both_be_in_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("spec.yaml").write_text(SPEC.replace("chef: 2", "chef: 9") + "filters: {label: {calibration: chosen.json}}\n")
    Path("real.csv").write_text("hair\nshort\nshort\nlong\n")
    Path("chosen.json").write_text(Calibration("much", {}, {}).to_json())
    spec = read_spec(Path("spec.yaml"))
    assert (spec.balance[0].target["short"], spec.filters.label.calibration) == (2 / 3, "chosen.json")  # type: ignore[index, union-attr]
    assert parse_spec(written_in_full(spec)) == spec

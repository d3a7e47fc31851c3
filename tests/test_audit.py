"""The audit of real sets, by the bundled judge and by known columns: what it finds, and what it refuses."""

import io
import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import synthgen
from synthgen.api.auditing import output_folder
from synthgen.auditing.findings import Figure
from synthgen.errors import ModelError, SpecError, SynthgenError, UsageError
from synthgen.spec import parse_spec
from tests.auditing.portraits import ATTRIBUTES, KINDS, as_csv, as_folder, as_parquet, table
from tests.command import call
from tests.judging.tiny import save_judge

JUDGE = "bundled:judge"
SPEC = (
    """\
synthgen: 1
name: small
model: {id: "bundled:workers", steps: 4, guidance: 1.5}
classes: {doctor: 4, chef: 4}
prompts: {templates: ["a {class} with {skin} skin"], variables: {skin: [light, medium, dark]}}
filters: {label: {min_posterior: 0.5}}
budget: {attempts_per_image: 4}
gates: [{attribute: skin_tone, max_tv: 0.9}]
"""
    + ATTRIBUTES
)
UNIFORM = {"skin_tone": "uniform"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve portraits, of two classes and three skin tones alike; and what to measure on them."""
    made = tmp_path_factory.mktemp("portraits")
    as_folder(made / "set", table())
    (made / "attributes.yaml").write_text(ATTRIBUTES)
    return made


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("run") / "small"
    synthgen.run(parse_spec(SPEC), place, devices="cpu")
    return place


def asked(folder: Path) -> dict[str, Any]:
    return {"attributes": folder / "attributes.yaml", "judges": [JUDGE], "cache": folder / "cache", "device": "cpu"}


def judged(folder: Path, **more: Any) -> synthgen.Audit:
    return synthgen.audit(folder / "set", **{**asked(folder), **more})


def counts(found: synthgen.Audit, place: str = "over all") -> dict[str, int]:
    shares = found.tables["shares"]
    rows = shares[shares["place"] == place]
    return dict(zip(rows["value"], rows["count"], strict=True))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "folder"])
def test_a_known_attribute_is_counted_in_every_kind_of_set_without_a_model(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("synthgen.api.wiring.towers", None)
    place = KINDS[kind](tmp_path / "set", table())
    found = synthgen.audit(place, known={"skin_tone": "skin"}, cache=tmp_path / "cache")
    assert found.findings.classes == {"chef": 6, "doctor": 6}
    assert counts(found) == {"dark": 4, "light": 4, "medium": 4}
    assert found.report.judge is None


def test_the_bundled_judge_sees_what_is_there(folder: Path) -> None:
    found = judged(folder, targets=UNIFORM, cross=[("class", "skin_tone")])
    assert counts(found) == {"light": 4, "medium": 4, "dark": 4}
    assert found.findings.attributes[0].scopes[0].distances[0].found.value == 0
    assert found.report.judge is not None
    assert (found.report.judge.name, found.report.same_judge) == (JUDGE, False)
    assert any(picture.image for pictures in found.report.pictures.values() for picture in pictures)
    assert "skin tone" in found._repr_html_()


def test_a_second_audit_needs_no_model(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = judged(folder)
    monkeypatch.setattr("synthgen.api.wiring.towers", None)
    assert judged(folder).findings == first.findings


def test_a_cut_file_of_embeddings_is_told(folder: Path) -> None:
    judged(folder, cache=folder / "cut")
    part = next((folder / "cut").rglob("*.parquet"))
    part.write_bytes(part.read_bytes()[:100])
    with pytest.raises(SynthgenError, match="is damaged"):
        judged(folder, cache=folder / "cut")


def test_corrupt_images_are_counted_and_told_and_the_rest_is_audited(tmp_path: Path) -> None:
    (tmp_path / "attributes.yaml").write_text(ATTRIBUTES)
    as_folder(tmp_path / "set", table())
    (tmp_path / "set" / "chef" / "broken.png").write_bytes(table()[0]["image"][:99])  # type: ignore[index]
    found = judged(tmp_path)
    assert found.findings.images == 12
    assert "cannot be opened, and were left out: 1 (chef/broken.png)" in " ".join(found.findings.caveats)


def deepened(data: bytes) -> bytes:
    """The same portrait as grey of 16 bits."""
    with Image.open(io.BytesIO(data)) as image:
        values = np.asarray(image.convert("L")).astype(np.uint16) * 257
    file = io.BytesIO()
    Image.fromarray(values).save(file, "PNG")
    return file.getvalue()


def with_holes(data: bytes) -> bytes:
    with Image.open(io.BytesIO(data)) as image:
        clear = image.convert("RGBA")
    clear.putpixel((0, 0), (255, 0, 0, 0))
    file = io.BytesIO()
    clear.save(file, "PNG")
    return file.getvalue()


@pytest.mark.slow
def test_pictures_that_were_converted_are_counted_in_every_output_also_from_the_cache(tmp_path: Path) -> None:
    (tmp_path / "attributes.yaml").write_text(ATTRIBUTES)
    rows = [dict(row) for row in table()]
    for place, change in ((0, deepened), (1, deepened), (2, with_holes)):
        rows[place]["image"] = change(rows[place]["image"])  # type: ignore[arg-type]
    as_folder(tmp_path / "set", rows)
    options = ("audit", "set", "--attributes", "attributes.yaml", "--judge", JUDGE, "-o", "found")
    note = "2 images have 16 bits a channel and were scaled; 1 has transparency and was put on white"
    for _ in range(2):
        done = call(*options, folder=tmp_path)
        assert done.returncode == 0, done.stderr
        assert note in done.stdout
        assert note in (tmp_path / "found" / "audit.json").read_text("utf-8")
        assert note in (tmp_path / "found" / "report.html").read_text("utf-8")


def test_embeddings_of_pictures_that_were_converted_otherwise_are_not_taken(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("synthgen.auditing.cache.CONVERSION", 1)
    judged(folder, cache=tmp_path)
    monkeypatch.undo()
    monkeypatch.setattr("synthgen.api.wiring.towers", None)
    with pytest.raises(TypeError):  # no embedding is there, and nobody to make one
        judged(folder, cache=tmp_path)


def test_images_outside_the_set_are_refused_until_their_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "attributes.yaml").write_text(ATTRIBUTES)
    as_folder(tmp_path / "store", table())
    (tmp_path / "lists").mkdir()
    listing = pd.DataFrame([{"path": tmp_path / "store" / str(row["id"]), "label": row["label"]} for row in table()])
    listing.to_csv(tmp_path / "lists" / "set.csv", index=False)
    options = ("audit", "lists/set.csv", "--attributes", "attributes.yaml", "--judge", JUDGE, "-o", "found")
    done = call(*options, folder=tmp_path)
    assert done.returncode == 2, done.stderr
    assert f"none of its images can be used: 12 whose path leads outside {tmp_path / 'lists'}" in done.stderr
    assert "--images-from" in done.stderr
    assert "Traceback" not in done.stderr
    done = call(*options, "--images-from", "store", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "left out" not in done.stdout


def test_one_image_outside_the_set_is_left_out_and_named_and_stands_on_no_page(tmp_path: Path) -> None:
    (tmp_path / "attributes.yaml").write_text(ATTRIBUTES)
    as_folder(tmp_path / "set", table())
    (tmp_path / "private.png").write_bytes(table()[0]["image"])  # type: ignore[arg-type]
    rows = [{"path": str(row["id"]), "label": row["label"]} for row in table()]
    pd.DataFrame([*rows, {"path": "../private.png", "label": "chef"}]).to_csv(tmp_path / "set" / "set.csv")
    options = ("audit", "set/set.csv", "--attributes", "attributes.yaml", "--judge", JUDGE, "-o", "found")
    done = call(*options, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"images whose path leads outside {tmp_path / 'set'}, and were left out: 1 (../private.png)" in done.stdout
    drawn = call(*options, "--export-labels", 13, folder=tmp_path)
    assert drawn.returncode == 0, drawn.stderr
    assert "were left out: 1 (../private.png)" in drawn.stderr
    assert (tmp_path / "found" / "to-label.html").read_text("utf-8").count("<img") == 12


def test_pictures_that_cannot_be_shown_are_told_where_a_column_is_known(tmp_path: Path) -> None:
    rows = [{"path": "/dev/zero", "label": row["label"], "skin": row["skin"]} for row in table()]
    pd.DataFrame(rows).to_csv(tmp_path / "set.csv", index=False)
    found = synthgen.audit(tmp_path / "set.csv", known={"skin": "skin"}, cache=tmp_path / "cache")
    hidden = {each.what: each.why for each in found.report.not_measured}
    assert f"images whose path leads outside {tmp_path}" in hidden["pictures"]
    assert "--images-from" in hidden["pictures"]


def test_a_set_of_corrupt_images_alone_is_no_perfect_score(tmp_path: Path) -> None:
    (tmp_path / "attributes.yaml").write_text(ATTRIBUTES)
    as_folder(tmp_path / "set", [{**row, "image": b"nothing"} for row in table()])
    found = judged(tmp_path, targets=UNIFORM, gates=["skin_tone over all: tv <= 0.9"])
    assert found.findings.images == 0
    assert found.outcome == "insufficient data"


@pytest.mark.parametrize("rows", [1, 6], ids=["one image", "one class"])
def test_the_smallest_sets_give_no_verdict_by_accident(rows: int, tmp_path: Path) -> None:
    (tmp_path / "attributes.yaml").write_text(ATTRIBUTES)
    as_folder(tmp_path / "set", table()[:rows])
    found = judged(tmp_path, targets=UNIFORM, gates=["skin_tone over all: tv <= 0.3"])
    assert found.outcome == "insufficient data"
    assert found.findings.attributes[0].association.v is None


def test_two_judges_are_compared(folder: Path) -> None:
    save_judge(folder / "tiny")
    found = judged(folder, judges=[JUDGE, f"local-dir:{folder / 'tiny'}"])
    (agreement,) = found.findings.agreement
    assert agreement.images == 12
    assert counts(found) == {"light": 4, "medium": 4, "dark": 4}, "the first judge's answers are the audit's"
    assert found.report.second_judge is not None


def test_a_class_that_the_spec_does_not_have_is_told(folder: Path) -> None:
    spec = parse_spec(SPEC.replace("classes: {doctor: 4, chef: 4}", "classes: {doctor: 4, nurse: 4}"))
    found = judged(folder, attributes=None, spec=spec, targets=UNIFORM)
    assert found.findings.undeclared == ("chef",)
    assert "classes without an image: nurse" in found.findings.caveats


def test_a_run_is_audited_from_its_records(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synthgen.api.wiring.towers", None)
    found = synthgen.audit(run, cache=tmp_path, targets=UNIFORM)
    kept = pd.read_parquet(run / "dataset" / "data")["attribute_skin_tone"].value_counts()
    assert counts(found) == {value: kept.get(value, 0) for value in ("light", "medium", "dark")}
    assert found.report.same_judge
    assert found.findings.pipeline is not None
    assert found.findings.pipeline.attempts == sum(synthgen.status(run)[1].counts.values())
    assert [gate.gate for gate in found.findings.gates] == ["skin_tone within class: tv <= 0.9"]
    assert {loss.column for loss in found.findings.pipeline.losses} == {"label", "variable skin"}
    assert list(tmp_path.iterdir()) == []


def test_the_records_are_what_the_judge_would_say_again(run: Path, tmp_path: Path) -> None:
    (tmp_path / "attributes.yaml").write_text(ATTRIBUTES)
    again = synthgen.audit(
        run / "dataset" / "data", attributes=tmp_path / "attributes.yaml", judges=[JUDGE], cache=tmp_path, device="cpu"
    )
    assert counts(again) == counts(synthgen.audit(run, cache=tmp_path, targets=UNIFORM))
    assert not again.report.same_judge


def test_another_judge_looks_at_a_runs_images(run: Path, tmp_path: Path) -> None:
    save_judge(tmp_path / "tiny")
    tiny, more = f"local-dir:{tmp_path / 'tiny'}", {"cache": tmp_path, "device": "cpu", "targets": UNIFORM}
    found = synthgen.audit(run, judges=[JUDGE, tiny], **more)  # type: ignore[arg-type]
    assert found.report.same_judge
    assert len(found.findings.agreement) == 1
    other = synthgen.audit(run, judges=[tiny], **more)  # type: ignore[arg-type]
    assert not other.report.same_judge


def test_an_audited_run_is_still_a_good_run(run: Path) -> None:
    found = synthgen.audit(run, targets=UNIFORM)
    assert found.write(output_folder(run))[1] == run / "audit" / "report.html"
    assert synthgen.verify(run) == []
    assert synthgen.run(parse_spec(SPEC), run, devices="cpu").fresh == 0


def test_labels_are_drawn_filled_in_and_used(folder: Path, tmp_path: Path) -> None:
    shown, labels, few = synthgen.export_labels(folder / "set", 10, tmp_path, **asked(folder))
    assert few == {"doctor": 4}, "fewer than the 20 that a class's own correction takes, and not all of its images"
    page = shown.read_text("utf-8")
    assert page.count("<img") == 10
    assert "<script" not in page
    drawn = pd.read_csv(labels, dtype="string")
    truth = {row["id"]: row["skin"] for row in table()}
    drawn["skin_tone"] = [str(truth[name]).upper() for name in drawn["id"]]
    drawn.loc[0, "skin_tone"] = pd.NA
    drawn.to_csv(labels, index=False)
    found = judged(folder, labels=labels)
    assert found.findings.attributes[0].scopes[0].labelled == 9
    share = found.findings.attributes[0].scopes[0].shares[0]
    assert share.labels is not None
    assert share.labels.low <= 1 / 3 <= share.labels.high
    assert not found.notes
    drawn.drop(columns="weight").to_csv(labels, index=False)
    assert any("no column 'weight'" in note for note in judged(folder, labels=labels).notes)
    drawn.assign(skin_tone="unknown").to_csv(labels, index=False)
    assert any("not corrected by labels" in note for note in judged(folder, labels=labels).notes)
    with pytest.raises(UsageError, match=r"labels\.csv already exists"):
        synthgen.export_labels(folder / "set", 10, tmp_path, **asked(folder))


def test_a_label_that_is_no_answer_is_told_with_its_line(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("id,skin_tone\nchef/000.png,light\nchef/001.png,pale\n")
    with pytest.raises(UsageError, match=r"labels\.csv:3: skin_tone: 'pale' is not an answer"):
        judged(folder, labels=tmp_path / "labels.csv")


def test_a_confusion_matrix_corrects(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "matrix.csv"
    file.write_text("truth,light,medium,dark,unknown\nlight,90,5,0,5\nmedium,5,85,5,5\ndark,0,5,90,5\n")
    found = judged(folder, confusions={"": file})
    assert found.findings.attributes[0].scopes[0].quote.figure is Figure.MATRIX


def test_a_real_set_is_a_reference_and_another_set_is_compared(folder: Path, tmp_path: Path) -> None:
    other = [row for row in table() if row["skin"] != "dark"]
    as_folder(tmp_path / "other", other)
    found = judged(folder, reference=tmp_path / "other", compare=tmp_path / "other")
    scope = found.findings.attributes[0].scopes[0]
    assert scope.reference == {"light": 0.5, "medium": 0.5, "dark": 0.0}
    rows = found.tables["comparison"].set_index(["place", "what"])
    assert rows.loc[("over all", "share of dark"), "difference"] == pytest.approx(1 / 3)
    assert len(found.findings.amplification) == 1


def test_a_known_column_needs_no_model(tmp_path: Path) -> None:
    place = as_csv(tmp_path / "set", table())
    found = synthgen.audit(place, known={"skin_tone": "skin"})
    assert isinstance(found, synthgen.Audit)


GATES = {
    "pass": (["skin over all: tv <= 0.9"], 0),
    "fail": (["skin over all: share of dark <= 1%"], 4),
    "insufficient": (["skin over all: tv <= 0.05"], 4),
    "allowed": (["skin over all: tv <= 0.05", "--allow-insufficient"], 0),
    "allowed but failed": (["skin over all: share of dark <= 1%", "--allow-insufficient"], 4),
}


@pytest.mark.parametrize(("gate", "code"), GATES.values(), ids=GATES)
def test_gates_decide_the_exit_code(gate: list[str], code: int, tmp_path: Path) -> None:
    as_csv(tmp_path / "set", table())
    done = call(
        "audit",
        "set/list.csv",
        "--known",
        "skin=skin",
        "--target",
        "skin=uniform",
        "--json",
        "--gate",
        *gate,
        folder=tmp_path,
    )
    assert done.returncode == code, done.stderr
    written = json.loads((tmp_path / "outputs" / "list-audit" / "audit.json").read_text("utf-8"))
    assert json.loads(done.stdout) == written
    assert (tmp_path / "outputs" / "list-audit" / "report.html").is_file()
    assert ("skin over all" in done.stderr) == bool(code)


def test_the_command_line_judges_and_exports(folder: Path) -> None:
    options = ["set", "--attributes", "attributes.yaml", "--judge", JUDGE, "--cache", "cache"]
    done = call("audit", *options, "-o", "found", "--cross", "class,skin_tone", folder=folder)
    assert done.returncode == 0, done.stderr
    assert "skin tone" in done.stdout
    assert "class × skin tone" in done.stdout
    assert "look at" in done.stdout
    drawn = call("audit", *options, "-o", "found", "--export-labels", 6, folder=folder)
    assert drawn.returncode == 0, drawn.stderr
    assert len(pd.read_csv(folder / "found" / "labels.csv")) == 6
    assert "which takes 20: chef (3), doctor (3)" in drawn.stdout


@pytest.mark.slow
def test_the_command_that_would_check_the_judge_can_be_copied(tmp_path: Path) -> None:
    """Names that a shell would break, more than one option, and a default folder."""
    place = as_folder(tmp_path / "my $set", table())
    (tmp_path / "what's asked.yaml").write_text(ATTRIBUTES + "gates: [{attribute: skin_tone, max_tv: 0.99}]\n")
    gate = "skin_tone within class: share of dark <= 99%"
    options = ["--attributes", "what's asked.yaml", "--judge", JUDGE, "--target", "skin_tone=uniform", "--gate", gate]
    done = call("audit", place.name, *options, folder=tmp_path)
    assert done.returncode == 4, done.stderr
    assert done.stderr.count("class chef: this judge has not been checked on this set; labels would settle it") == 2
    assert "more images" not in done.stderr
    (line,) = (line for line in done.stderr.splitlines() if "--export-labels" in line)
    program, *words = shlex.split(line)
    assert (program, words[:2], set(options) - set(words)) == ("synthgen", ["audit", place.name], set())
    drawn = call(*words, folder=tmp_path)
    assert drawn.returncode == 0, drawn.stderr
    labels = tmp_path / "outputs" / "my $set-audit" / "labels.csv"
    assert f"--import-labels '{labels.relative_to(tmp_path)}'" in done.stderr
    sheet = pd.read_csv(labels, dtype="string")
    truth = {row["id"]: row["skin"] for row in table()}
    sheet.assign(skin_tone=[str(truth[name]) for name in sheet["id"]]).to_csv(labels, index=False)
    checked = call("audit", place.name, *options, "--import-labels", labels, folder=tmp_path)
    assert checked.returncode == 0, checked.stderr
    page = (tmp_path / "outputs" / "my $set-audit" / "report.html").read_text("utf-8")
    assert "--export-labels" not in page.partition("<main>")[0]
    # What was labelled is neither overwritten nor in the way.
    sheet.assign(skin_tone=["dark", *[""] * (len(sheet) - 1)]).to_csv(labels, index=False)
    few = call("audit", place.name, *options, "--import-labels", labels, folder=tmp_path)
    assert (few.returncode, "of its images" in few.stderr) == (4, True), few.stderr
    (line,) = (line for line in few.stderr.splitlines() if "--export-labels" in line)
    again = call(*shlex.split(line)[1:], folder=tmp_path)
    assert again.returncode == 0, again.stderr
    assert (labels.parent / "labels-2" / "labels.csv").is_file()


@pytest.mark.slow
def test_the_judge_may_be_trusted_in_every_way_of_asking(folder: Path, run: Path) -> None:
    gate = ["skin_tone over all: share of dark <= 99%"]
    assert (judged(folder, gates=gate).outcome, judged(folder, gates=gate, trust_judge=True).outcome) == (
        "insufficient data",
        "pass",
    )
    own = synthgen.audit(run, targets=UNIFORM)
    assert own.outcome == "insufficient data", "the judge that filtered is as unchecked as another"
    assert own.report.judge_check is not None
    assert own.report.judge_check.command is not None
    assert own.report.judge_check.command.endswith(f"--export-labels {own.findings.images}")
    options = ["set", "--attributes", "attributes.yaml", "--judge", JUDGE, "--cache", "cache", "-o", "trusted"]
    done = call("audit", *options, "--gate", *gate, "--trust-judge", folder=folder)
    assert done.returncode == 0, done.stderr
    shown = " ".join(done.stdout.split())
    assert "on the judge's word alone: nobody has checked it on this set (--trust-judge)" in shown
    assert json.loads((folder / "trusted" / "audit.json").read_text("utf-8"))["trust_judge"] is True
    allowed = call("audit", *options, "--gate", *gate, "--allow-insufficient", folder=folder)
    assert (allowed.returncode, "--export-labels 12" in allowed.stdout) == (0, True)


SKIN: dict[str, Any] = {"known": {"skin": "skin"}}
MISTAKES: dict[str, tuple[dict[str, Any], type[SynthgenError], str]] = {
    "nothing to measure": ({}, UsageError, "it is not said what to measure"),
    "no such column": ({"known": {"skin": "tone"}}, UsageError, "has no column 'tone'"),
    "no such label": ({**SKIN, "label": "kind"}, UsageError, "has no column 'kind'"),
    "one value": ({"known": {"kind": "constant"}}, UsageError, "the column holds x"),
    "one value in two spellings": ({"known": {"eyes": "eyes"}}, UsageError, "holds 'Brown' and 'brown'"),
    "a large Unknown": ({"known": {"hair": "hair"}}, UsageError, "holds 'Unknown'"),
    "a measurement": ({"known": {"size": "size"}}, UsageError, "36 values in 36 images"),
    "no such gate": ({**SKIN, "gates": ["skin"]}, UsageError, "not understood"),
    "gate without a reference": ({**SKIN, "gates": ["skin: tv <= 0.1"]}, UsageError, "no reference"),
    "target of nothing": ({**SKIN, "targets": {"hair": "uniform"}}, UsageError, "no attribute 'hair'"),
    "target in words": ({**SKIN, "targets": {"skin": "even"}}, UsageError, "not understood"),
    "target of no value": ({**SKIN, "targets": {"skin": "pale:1"}}, UsageError, "'pale'"),
    "three judges": ({"judges": ["a/b", "c/d", "e/f"]}, UsageError, "expected one judge"),
    "no judge's name": ({"judges": ["clip"]}, UsageError, "--judge clip"),
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


def test_an_audit_overwrites_neither_a_run_nor_its_set(tmp_path: Path) -> None:
    pd.DataFrame({"label": ["a", "b"], "skin": ["x", "y"]}).to_csv(tmp_path / "set.csv", index=False)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "plan.json").touch()
    (tmp_path / "file").touch()
    asked = ("audit", "set.csv", "--known", "skin=skin", "-o")
    for place, code, message in (("run", 2, "is a run"), ("set.csv", 2, "is the set"), ("file", 5, "is a file")):
        done = call(*asked, place, folder=tmp_path)
        assert (done.returncode, message in done.stderr) == (code, True), done.stderr
    twice = call(*asked, "out", "--known", "skin=label", folder=tmp_path)
    assert (twice.returncode, "'skin' is given twice" in twice.stderr) == (2, True)
    assert not (tmp_path / "run" / "report.html").exists()


def test_the_keys_in_an_address_are_not_repeated(tmp_path: Path) -> None:
    done = call("audit", "s3://key:canary@bucket/set", "--known", "skin=skin", folder=tmp_path)
    assert done.returncode == 2
    assert "canary" not in done.stdout + done.stderr
    assert "looking on the hub" not in done.stderr


def test_labels_with_nan_are_refused_with_their_number(tmp_path: Path) -> None:
    frame = pd.DataFrame({"label": ["a", None, "b", np.nan], "skin": ["x", "y", "x", "y"]})
    frame.to_parquet(tmp_path / "set.parquet")
    with pytest.raises(UsageError, match="2 of 4 images have no class"):
        synthgen.audit(tmp_path / "set.parquet", known={"skin": "skin"})


def test_an_empty_table_is_no_perfect_score(tmp_path: Path) -> None:
    frame = pd.DataFrame({"label": ["a"], "skin": ["x"]}).iloc[:0]
    frame.to_parquet(tmp_path / "set.parquet")
    (tmp_path / "attributes.yaml").write_text("attributes: {skin: {values: {x: [x], y: [y]}}}")
    found = synthgen.audit(
        tmp_path / "set.parquet", known={"skin": "skin"}, attributes=tmp_path / "attributes.yaml",
        targets={"skin": "uniform"}, gates=["skin over all: tv <= 1"],
    )  # fmt: skip
    assert found.findings.caveats[0] == "there are no images: nothing was measured"
    assert found.outcome == "insufficient data"
    options = ("--known", "skin=skin", "--attributes", "attributes.yaml", "--allow-insufficient")
    done = call("audit", "set.parquet", *options, folder=tmp_path)
    assert (done.returncode, "nothing was measured" in done.stderr) == (4, True), done.stderr


def test_auditing_what_is_known_imports_no_torch(tmp_path: Path) -> None:
    as_parquet(tmp_path / "set", table())
    code = (
        "import sys, synthgen; synthgen.audit('set/all.parquet', known={'skin': 'skin'});"
        "print([name for name in ('torch', 'open_clip') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

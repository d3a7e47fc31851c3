"""What a run made before its filters: which attempts are compared, which never are, and what is said of it."""

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import synthgen
from synthgen.api.auditing import open_recorded
from synthgen.api.unfiltered import find_unfiltered
from synthgen.errors import UsageError
from synthgen.evaluating.arms import ArmKind
from synthgen.evaluating.attempts import EXCLUDED, UNKNOWN_CLASS, UNSAFE, AttemptSet, first_attempts, read_attempts
from synthgen.evaluating.contract import divide
from synthgen.evaluating.document import evaluation_schema
from synthgen.evaluating.experiment import run_arms
from synthgen.evaluating.findings import findings_of
from synthgen.evaluating.gates import check_filter_gates, decide_usefulness_gates, parse_usefulness_gates
from synthgen.evaluating.learners import learner_of
from synthgen.evaluating.looked_set import UNFILTERED, LookedSet
from synthgen.events import ignore
from synthgen.ledger.columns import score
from synthgen.ledger.review import Review, Word
from synthgen.records import Verdict
from tests.command import command_line
from tests.evaluating.test_evaluating import OTHER, REAL_SET, TEST, joined, looked, relabelled

CLASSES = frozenset({"doctor", "chef"})
SPEC = """
synthgen: 1
name: few
model: {id: "bundled:workers", steps: 2}
classes: {doctor: 4, chef: 4}
prompts: {templates: ["a portrait of a {class}"]}
filters: {label: {min_posterior: 0.9}}
safety: {reject: ["a blank picture"], above: 0.9}
budget: {attempts_per_image: 4}
output: {image: {format: jpeg}, rejects: {keep: KEEP}}
"""


def made(folder: Path, keep: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / f"{keep}.yaml").write_text(SPEC.replace("KEEP", keep))
    code = command_line(["run", str(folder / f"{keep}.yaml"), "-o", str(folder / keep), "--quiet"])
    assert code in (0, 3)  # 3: some are missing
    return folder / keep


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("runs"), "images")


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("real") / "real"
    synthgen.render(folder, 60, even=True)
    return folder


def test_the_arm_without_the_filters_is_compared_with_the_one_with_them(
    run: Path, real: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["evaluate", "--real", str(real), "--synthetic", str(run), "-o", str(tmp_path / "out"), "--learner", "knn"]
    assert command_line([*given, "--gate", "filters: difference >= -1", "--quiet"]) == 0
    shown = capsys.readouterr().out
    assert "compared with unfiltered images" in shown
    found = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    jsonschema.validate(found, evaluation_schema())

    arms = {each["name"]: each for each in found["arms"]}
    mixed = [each for each in found["arms"] if each["kind"] == "mixed"]
    twins = [each for each in found["arms"] if each["kind"] == "unfiltered"]
    assert [each["images"] for each in mixed] == [each["images"] for each in twins] != []
    assert found["filters"]["difference"] == arms[found["decided_by"]]["difference_from_unfiltered"]
    apart = found["filters"]["difference"]["accuracy"]
    both = arms[found["decided_by"]]["scores"], arms[found["filters"]["arm"]]["scores"]
    assert apart["value"] == pytest.approx(both[0]["accuracy"]["value"] - both[1]["accuracy"]["value"])
    assert "What the filters change" in (tmp_path / "out" / "report.html").read_text()
    assert [each["set"] for each in found["leaks"]][-1] == "unfiltered"


def test_where_rejected_images_were_not_kept_it_is_said_what_to_set(
    real: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["evaluate", "--real", str(real), "--synthetic", str(made(tmp_path, "thumbnails")), "--learner", "knn"]
    assert command_line([*given, "-o", str(tmp_path / "out"), "--quiet"]) == 0
    shown = capsys.readouterr().out
    assert "filters   not compared: the run kept no images" in shown
    assert all(len(line) <= 80 for line in shown.partition("filters   ")[2].partition("\n\n")[0].splitlines())
    found = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    jsonschema.validate(found, evaluation_schema())
    assert found["filters"]["verdict"] is found["filters"]["difference"] is found["filters"]["arm"] is None
    assert "`output.rejects.keep: images`" in found["filters"]["reason"]
    assert "<code>output.rejects.keep: images</code>" in (tmp_path / "out" / "report.html").read_text()
    assert "unfiltered" not in {each["kind"] for each in found["arms"]}

    assert command_line([*given, "-o", str(tmp_path / "new"), "--gate", "filters: difference >= 0", "--quiet"]) == 2
    assert "--gate: gate 'filters: difference >= 0'" in capsys.readouterr().err


def test_attempts_come_as_they_were_asked_for_and_encoded_as_the_dataset(run: Path) -> None:
    recorded = open_recorded(run)
    found = read_attempts(recorded, CLASSES)
    rows = [row for file in recorded.ledgers for row in pq.read_table(file).to_pylist()]
    assert [each.id for each in found.usable] == [row["id"] for row in rows]
    assert [each.class_name for each in found.usable] == [row["class"] for row in rows]
    assert {row["verdict"] for row in rows} >= {Verdict.ACCEPTED, Verdict.REJECTED}
    assert (found.left_out, found.lacking) == ({}, 0)

    images = AttemptSet(recorded, found.usable)
    read = [data for batch in images.images() for data in batch]
    assert all(isinstance(data, bytes) and data.startswith(b"\xff\xd8\xff") for data in read)
    assert images.some([1, 3]) == [read[1], read[3]]
    assert len(set(read)) == len(rows)


def test_of_each_cell_the_first_attempts_are_taken_in_proportion(run: Path) -> None:
    usable = read_attempts(open_recorded(run), CLASSES).usable
    few = first_attempts(usable, 4)
    assert sorted(each.class_name for each in few) == ["chef", "chef", "doctor", "doctor"]
    for name in CLASSES:
        of_class = [each.id for each in usable if each.class_name == name]
        assert [each.id for each in few if each.class_name == name] == of_class[:2]
    assert first_attempts(usable, 10**6) == usable


def test_what_safety_or_a_reviewer_kept_out_never_comes_back(run: Path, tmp_path: Path) -> None:
    recorded = open_recorded(run)
    (ledger,), (images,) = recorded.ledgers, recorded.images
    table = pq.read_table(ledger)
    rows = table.to_pylist()
    rejected = [row for row in rows if row["verdict"] == Verdict.REJECTED]
    rejected[0]["reason"] = "unsafe"
    rejected[1] |= {"reason": "blank", score("unsafe_posterior"): 0.99}  # another rule came first
    rejected[2] |= {"reason": "blank", score("unsafe_posterior"): None}
    accepted = next(row["id"] for row in rows if row["verdict"] == Verdict.ACCEPTED)
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), tmp_path / "ledger.parquet")
    (tmp_path / "images.parquet").write_bytes(images.read_bytes())

    word = Word(False, "ann", None)
    edited = replace(
        recorded, folder=tmp_path, images=(tmp_path / "images.parquet",), ledgers=(tmp_path / "ledger.parquet",),
        review=Review(excluded={accepted: word}),
    )  # fmt: skip
    found = read_attempts(edited, CLASSES)
    assert found.left_out == {UNSAFE: 3, EXCLUDED: 1}
    gone = {each["id"] for each in rejected[:3]} | {accepted}
    assert {each.id for each in found.usable} == {row["id"] for row in rows} - gone

    (name,) = read_attempts(edited, frozenset({"chef"})).left_out.keys() - {UNSAFE, EXCLUDED}
    assert name == UNKNOWN_CLASS
    taken = replace(edited, review=Review(included={rejected[0]["id"]: replace(word, is_in=True)}))
    assert rejected[0]["id"] in {each.id for each in read_attempts(taken, CLASSES).usable}


def test_what_is_no_run_or_has_other_classes_says_so(run: Path, tmp_path: Path) -> None:
    texts: dict[str, list[str | None]] = {"id": ["a"], "label": ["chef"]}
    tones: dict[str, list[str | None]] = {"id": ["a"], "label": ["light"]}
    many: dict[str, list[str | None]] = {"id": [str(row) for row in range(99)], "label": ["chef"] * 99}
    assert find_unfiltered(run / "dataset" / "data", texts, texts).images is not None
    for place, labels, why in (
        (tmp_path, texts, "is not in a run"),
        (run, tones, "with others"),
        (run, many, "fewer than the synthetic images"),
    ):
        found = find_unfiltered(place, labels, texts)
        assert found.images is None
        assert why in found.why
        with pytest.raises(UsageError, match="nothing shows what the filters change"):
            check_filter_gates(parse_usefulness_gates(["filters: difference >= 0"]), found.why)


def unfiltered_of(images: LookedSet) -> LookedSet:
    return replace(images, title=UNFILTERED)


def test_filters_that_keep_wrong_labels_out_help_with_an_interval_above_zero() -> None:
    attempts = joined(unfiltered_of(relabelled(looked("attempt", 60, 7))), TEST.take(np.arange(5)))
    divided = divide(REAL_SET, OTHER, TEST, None, 0, attempts)
    assert divided.unfiltered is not None
    (check,) = [each for each in divided.checks if each.title == UNFILTERED]
    assert len(check.test) == 5

    found = findings_of(divided, run_arms(divided, learner_of("probe"), 5, 0, ignore), "probe", 0.01, 0)
    assert found.filters.difference is not None
    assert found.filters.verdict == "helps"
    assert found.filters.difference.accuracy.low > 0
    pairs = [
        each.images for kind in (ArmKind.MIXED, ArmKind.UNFILTERED) for each in found.arms if each.arm.kind is kind
    ]
    assert pairs[: len(pairs) // 2] == pairs[len(pairs) // 2 :]
    (passed,) = decide_usefulness_gates(parse_usefulness_gates(["filters: difference >= 0.01"]), found)
    assert passed.outcome == "pass"


def test_too_few_unfiltered_images_are_no_arm() -> None:
    divided = divide(REAL_SET, OTHER, TEST, None, 0, unfiltered_of(OTHER.take(np.arange(len(OTHER) - 1))))
    assert divided.unfiltered is None
    found = findings_of(divided, run_arms(divided, learner_of("knn"), 5, 0, ignore), "knn", 0.01, 0, "too few")
    assert (found.filters.verdict, found.filters.reason) == (None, "too few")

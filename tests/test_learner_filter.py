"""`filters.learner`: what an evaluation saves, what a spec may name, and what a run then keeps."""

import json
import math
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load, save

import synthgen
from synthgen.bundled import GENERATOR
from synthgen.errors import SpecError, UsageError
from synthgen.evaluating.contract import divide
from synthgen.evaluating.experiment import run_arms
from synthgen.evaluating.findings import findings_of
from synthgen.evaluating.learners import learner_of
from synthgen.evaluating.saved_probe import probe_of
from synthgen.events import ignore
from synthgen.judging.learned import LearnerMeasure
from synthgen.models.saved_learner import SavedLearner, read_learner
from synthgen.planning import growth_of
from synthgen.records import Reason
from tests.command import command_line
from tests.evaluating.test_evaluating import OTHER, REAL_SET, TEST, looked

SPEC = """
synthgen: 1
name: hard
model: {id: "bundled:workers", steps: 2}
classes: {doctor: 3, chef: 3}
prompts: {templates: ["a portrait of a {class}"]}
filters: {learner: {model: probe.safetensors, entropy: [LOW, HIGH]}}
budget: {attempts_per_image: 3}
output: {rejects: {keep: scores}}
"""


def spec(folder: Path, low: float = 0.0, high: float = 1.0, classes: str = "{doctor: 3, chef: 3}") -> Path:
    text = SPEC.replace("LOW", str(low)).replace("HIGH", str(high)).replace("{doctor: 3, chef: 3}", classes)
    (folder / "spec.yaml").write_text(text)
    return folder / "spec.yaml"


def learner(classes: tuple[str, ...] = ("chef", "doctor", "nurse"), revision: str | None = None) -> SavedLearner:
    rng = np.random.default_rng(0)
    width = 64
    judge = synthgen.plan({"synthgen": 1, "name": "a", "model": {"id": "bundled:workers"}, "classes": {"chef": 1},
                           "prompts": {"templates": ["a {class}"]}}).revisions.judge  # fmt: skip
    weight = rng.normal(size=(len(classes), width)).astype(np.float32)
    return SavedLearner(classes, "bundled:judge", revision or judge, weight, np.zeros(len(classes), np.float32))


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A probe of doctors and chefs, as the command saves it."""
    folder = tmp_path_factory.mktemp("saved")
    for name, seed in (("real", 0), ("made", 1)):
        synthgen.render(folder / name, 60, even=True, seed=seed)
    given = ["evaluate", "--real", str(folder / "real"), "--synthetic", str(folder / "made"), "-o", str(folder / "out")]
    assert command_line([*given, "--save-learner", str(folder / "new" / "probe.safetensors"), "--quiet"]) == 0
    return folder / "new" / "probe.safetensors"


def test_a_run_keeps_what_the_learner_finds_hard_and_records_it(
    saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "probe.safetensors").write_bytes(saved.read_bytes())
    found = read_learner(str(saved))
    assert {"doctor", "chef"} < set(found.classes)
    made = spec(tmp_path, 0.2, 0.9)
    assert command_line(["plan", str(made)]) == 0
    assert "probe.safetensors: keeps entropies from 0.2 to 0.9" in capsys.readouterr().out
    code = command_line(["run", str(made), "-o", str(tmp_path / "run"), "--quiet"])
    assert code in (0, 3)  # 3: some are missing

    rows = [row for file in (tmp_path / "run" / "ledger").iterdir() for row in _rows(file)]
    for row in rows:
        entropy = row["score_learner_entropy"]
        assert isinstance(entropy, float)
        assert 0 <= entropy <= 1
        assert (row["reason"] == Reason.LEARNER) == (not 0.2 <= entropy <= 0.9)
        if row["reason"] == Reason.LEARNER:
            assert row["message"] == f"learner_entropy is {entropy:.4g}: expected at least 0.2 and at most 0.9"
    assert any(row["reason"] == Reason.LEARNER for row in rows)
    assert found.sha256 in (tmp_path / "run" / "plan.json").read_text()
    assert "at least 0.2, at most 0.9" in (tmp_path / "run" / "report.html").read_text()

    (tmp_path / "probe.safetensors").write_bytes(learner().as_bytes())
    capsys.readouterr()
    assert command_line(["run", str(tmp_path / "spec.yaml"), "-o", str(tmp_path / "run"), "--quiet"]) == 2
    assert "filters.learner" in capsys.readouterr().err


def _rows(file: Path) -> list[dict[str, object]]:
    import pyarrow.parquet as pq

    found: list[dict[str, object]] = pq.read_table(file).to_pylist()
    return found


def test_the_entropy_is_that_of_the_probe_that_was_evaluated() -> None:
    divided = divide(REAL_SET, OTHER, TEST, None, 0)
    findings = findings_of(divided, run_arms(divided, learner_of("probe"), 5, 0, ignore), "probe", 0.01, 0)
    found = probe_of(divided, findings, "bundled:judge", "1", 0)
    vectors = divided.test.vectors
    logits = vectors @ found.weight.T + found.bias
    right = [found.classes[row] for row in logits.argmax(1)] == np.array(divided.test.labels)
    assert abs(float(np.mean(right)) - findings.decisive.scored.scores.accuracy.value) < 0.1

    measure = LearnerMeasure(found)
    measure.setup(_Encoder())  # type: ignore[arg-type] # all that it needs of one
    entropies = measure.measure(_Batch(torch.from_numpy(vectors)))["learner_entropy"].numpy()  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="it knows embeddings of 24 numbers, and the judge's have 9"):
        measure.measure(_Batch(torch.zeros(1, 9)))  # type: ignore[arg-type]
    shares = np.exp(logits - logits.max(1, keepdims=True))
    shares /= shares.sum(1, keepdims=True)
    assert entropies == pytest.approx(-(shares * np.log(shares)).sum(1) / math.log(4), abs=1e-4)


def test_a_strong_penalty_leaves_no_probe_unsure_of_what_it_gets_right() -> None:
    divided = divide(looked("real", 30, 5, noise=0.5), looked("synthetic", 60, 2, noise=0.5), TEST, None, 0)
    findings = findings_of(divided, run_arms(divided, learner_of("probe"), 5, 0, ignore), "probe", 0.01, 0)
    assert findings.decisive.setting < 0.01  # the simplest of equals
    found = probe_of(divided, findings, "bundled:judge", "1", 0)
    measure = LearnerMeasure(found)
    measure.setup(_Encoder())  # type: ignore[arg-type] # all that it needs of one
    easy, guessed = looked("more", 30, 9, noise=0.5).vectors, np.zeros((1, 24), np.float32)
    entropy = measure.measure(_Batch(torch.from_numpy(easy)))["learner_entropy"]  # type: ignore[arg-type]
    assert float(entropy.median()) < 0.3
    unsure = measure.measure(_Batch(torch.from_numpy(guessed)))["learner_entropy"]  # type: ignore[arg-type]
    assert float(unsure) > float(entropy.median())


def test_of_two_classes_the_probe_has_a_row_for_each() -> None:
    pair = ("cat", "dog")
    real, other, test = (
        looked("real", 9, 5, classes=pair),
        looked("synthetic", 9, 2, classes=pair),
        looked("test", 30, 1, classes=pair),
    )
    divided = divide(real, other, test, None, 0)
    findings = findings_of(divided, run_arms(divided, learner_of("probe"), 5, 0, ignore), "probe", 0.01, 0)
    found = probe_of(divided, findings, "bundled:judge", "1", 0)
    assert found.weight.shape == (2, 24)
    logits = test.vectors @ found.weight.T + found.bias
    assert ((logits.argmax(1) == 1) == (np.array(test.labels) == "dog")).mean() > 0.6


class _Encoder:
    device = torch.device("cpu")


class _Batch:
    def __init__(self, embeddings: torch.Tensor) -> None:
        self.embeddings = embeddings


def test_a_file_that_changes_makes_another_plan_and_no_filter_leaves_plans_as_they_were(tmp_path: Path) -> None:
    (tmp_path / "probe.safetensors").write_bytes(learner().as_bytes())
    before = synthgen.plan(spec(tmp_path))
    (tmp_path / "probe.safetensors").write_bytes(learner(("chef", "doctor", "nurse", "pilot")).as_bytes())
    after = synthgen.plan(spec(tmp_path))
    assert before.fingerprint != after.fingerprint
    (refusal,) = [each for each in growth_of(before, after).refusals if "learner" in each.change]
    assert refusal.change.startswith("revisions.components.filters.learner")

    (tmp_path / "plain.yaml").write_text("\n".join(line for line in SPEC.splitlines() if "learner" not in line))
    assert "learner" not in json.dumps(synthgen.plan(tmp_path / "plain.yaml").spec.canonical())

    grown = synthgen.plan(spec(tmp_path, classes="{doctor: 3, chef: 3, nurse: 3}"))
    assert any(each.change.startswith("filters.learner") for each in growth_of(after, grown).refusals)
    looser, stricter = synthgen.plan(spec(tmp_path, 0.0, 0.9)), synthgen.plan(spec(tmp_path, 0.1, 0.9))
    assert not growth_of(stricter, looser).refusals
    (refusal,) = {each.change.partition(" of ")[0]: each for each in growth_of(looser, stricter).refusals}.values()
    assert refusal.change.startswith("learner_entropy")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no file"),
        (pickle.dumps({"weight": [1]}), "it is a pickle, which can run code"),
        (b"", "is not a saved learner"),
        (save({"weight": np.zeros((2, 3), np.float32)}), "its format is 'not given'"),
        (learner(("chef", "nurse")).as_bytes(), "it does not know the class 'doctor', only 'chef', 'nurse'"),
        (learner(revision="other").as_bytes(), "the learner knows the embeddings of the judge bundled:judge (other)"),
    ],
    ids=["none", "pickle", "empty", "foreign", "classes", "judge"],
)
def test_what_is_no_learner_of_the_spec_is_refused_by_name(content: bytes | None, message: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "probe.safetensors").write_bytes(content)
    with pytest.raises((SpecError, UsageError)) as refused:
        synthgen.plan(spec(tmp_path))
    assert message in str(refused.value)
    assert "filters.learner.model" in str(refused.value)


@pytest.mark.parametrize("change", ["shape", "infinite", "names"])
def test_numbers_and_names_are_checked(change: str, tmp_path: Path) -> None:
    good = learner()
    tensors = load(good.as_bytes())
    if change == "shape":
        tensors["weight"] = tensors["weight"][:2]
    if change == "infinite":
        tensors["weight"][0, 0] = np.inf
    classes = '["a", "a", "b"]' if change == "names" else '["a", "b", "c"]'
    about = {"format": "synthgen learner 1", "classes": classes, "judge": "", "revision": ""}
    (tmp_path / "probe.safetensors").write_bytes(save(tensors, metadata=about))
    with pytest.raises(UsageError, match="is not a saved learner: its"):
        read_learner(str(tmp_path / "probe.safetensors"))


@pytest.mark.parametrize(
    ("low", "high", "message"),
    [(0.8, 0.2, "expected the smaller limit first, found 0.8 before 0.2"), (0.1, 1.5, "filters.learner.entropy")],
)
def test_limits_are_checked(low: float, high: float, message: str, tmp_path: Path) -> None:
    (tmp_path / "probe.safetensors").write_bytes(learner().as_bytes())
    with pytest.raises(SpecError) as refused:
        synthgen.plan(spec(tmp_path, low, high))
    assert message in str(refused.value)
    assert "filters.learner.entropy" in str(refused.value)


@pytest.mark.parametrize(
    ("name", "learner_name", "message"),
    [
        ("probe.pt", "probe", "a learner is saved as .safetensors"),
        ("probe.safetensors", "knn", "the learner knn cannot be saved"),
        ("taken.safetensors", "probe", "is not a saved learner"),
    ],
)
def test_a_learner_is_saved_only_where_it_replaces_nothing_else(
    name: str, learner_name: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / "taken.safetensors").write_text("mine")
    with pytest.raises(UsageError) as refused:
        synthgen.evaluate("nowhere", "nowhere", learner=learner_name, save_learner=tmp_path / name)
    assert message in refused.value.message
    assert refused.value.argument == "save_learner"
    assert (tmp_path / "taken.safetensors").read_text() == "mine"


@pytest.mark.parametrize("changed", ["learner", "model"])
def test_a_top_up_that_cannot_be_made_any_more_leaves_the_run_as_it_was(
    saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], changed: str
) -> None:
    (tmp_path / "probe.safetensors").write_bytes(saved.read_bytes())
    shutil.copytree(GENERATOR, tmp_path / "model")
    file = spec(tmp_path, 0.99, 1.0)  # most are rejected
    file.write_text(
        file.read_text().replace("bundled:workers", str(tmp_path / "model")) + "judge: {id: 'bundled:judge'}\n"
    )
    run = str(tmp_path / "run")
    assert command_line(["run", str(file), "-o", run, "--quiet"]) == 3
    before = {path: path.read_bytes() for path in sorted((tmp_path / "run").rglob("*")) if path.is_file()}
    if changed == "learner":
        (tmp_path / "probe.safetensors").write_bytes(learner().as_bytes())
    else:
        weights = next((tmp_path / "model" / "unet").glob("*.safetensors"))
        data = bytearray(weights.read_bytes())
        data[-1] ^= 1
        weights.write_bytes(data)
    capsys.readouterr()
    assert command_line(["run", run, "--top-up", "--quiet"]) in (2, 4)
    assert changed in capsys.readouterr().err
    assert {path: path.read_bytes() for path in sorted((tmp_path / "run").rglob("*")) if path.is_file()} == before
    assert command_line(["finalize", run, "--quiet"]) == 3

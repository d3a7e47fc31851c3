"""Several judges of one set: which one decides, what the others' agreement shows, and how wide it makes an interval."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.proportion import proportion_confint

import synthgen
from synthgen.auditing.findings import Figure, Findings
from synthgen.auditing.hearing import Heard, hear
from synthgen.auditing.independence import alike
from synthgen.auditing.input.audit_input import ObservedSet
from synthgen.auditing.input.cached_judge import CachedJudges
from synthgen.auditing.input.judges import JudgeId
from synthgen.auditing.input.observations import AuditQuestion, Observations
from synthgen.auditing.measure import AuditOptions, measure
from synthgen.errors import UsageError
from synthgen.spec import Attribute
from synthgen.stats.distance import uniform
from tests.auditing.audits import JUDGE, UNIFORM, asked, judged
from tests.auditing.portraits import ATTRIBUTES, as_folder, table
from tests.command import call, result, said
from tests.judging.tiny_asked import save_blip, save_detr, save_vilt, train_detector

SKIN = ("light", "dark")
ATTRIBUTE = Attribute(values={"light": ("light skin",), "dark": ("dark skin",)})
CLIP = JudgeId("bundled:judge", "content:1")
VQA = JudgeId("vqa:./blip", "content:2", kind="vqa", family="captions")
DETECTOR = JudgeId("detector:./detr", "content:3", kind="detector", family="detection")
OTHER_CLIP = JudgeId("ViT-B-32/openai", "ViT-B-32/openai")
GATES = ("skin within class: tv <= 0.25", "skin overall: share of dark <= 0.75")


def people(images: int = 400, seed: int = 0, dark: float = 0.5) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"id": [f"{row:05}" for row in range(images)], "label": rng.choice(["chef", "nurse"], images)})
    return frame.assign(skin=np.where(rng.random(images) < dark, "dark", "light"))


def wrong(answers: pd.Series, rate: float, seed: int = 1) -> pd.Series:
    rng = np.random.default_rng(seed)
    return answers.where(rng.random(len(answers)) >= rate, answers.map({"light": "dark", "dark": "light"}))


def heard(
    frame: pd.DataFrame, others: dict[JudgeId, pd.Series], first: JudgeId = CLIP, **options: Any
) -> tuple[Heard, Findings]:
    """What an audit finds where judges gave these answers."""
    tables = tuple(frame[["id"]].assign(skin=answers) for answers in others.values())
    looked = Observations(frame, np.arange(len(frame)), None, tables, {})
    question = AuditQuestion({"skin": ATTRIBUTE}, {}, (first, *others), CachedJudges(None, None))  # type: ignore[arg-type]
    given_ = AuditOptions(references={"skin": uniform(SKIN)}, gates=GATES, **options)
    seen = ObservedSet(None, looked)  # type: ignore[arg-type]
    found = hear(seen, question, {"skin": SKIN}, given_)
    assert found is not None
    applied = found.applied(seen).looked.frame
    with_opinions = AuditOptions(references={"skin": uniform(SKIN)}, gates=GATES, opinions=found.opinions, **options)
    return found, measure(applied, {"skin": SKIN}, with_opinions)


def outcomes(found: Findings) -> list[str]:
    return [gate.outcome.value for gate in found.gates]


def test_an_independent_judge_that_agrees_decides_by_an_interval_widened_by_where_it_differs() -> None:
    frame = people()
    other = wrong(frame["skin"], 0.05)
    whole, found = heard(frame, {VQA: other})
    assert outcomes(found) == ["pass", "pass"]
    assert found.rests_on == ("the agreement of independent judges, which cannot show errors that they share",)

    for scope in found.attributes[0].scopes:
        own = frame["label"] == scope.class_name if scope.class_name else frame["label"] == frame["label"]
        differ = int((frame["skin"] != other)[own].sum())
        _, high = proportion_confint(differ, own.sum(), method="wilson")
        assert scope.quote.figure is Figure.AGREED
        assert scope.quote.unchecked is None
        assert scope.differ == pytest.approx(high)
        for share in scope.shares:
            assert share.raw is not None
            assert share.agreed is not None
            assert share.agreed.low == pytest.approx(max(0, share.raw.low - high))
            assert share.agreed.high == pytest.approx(min(1, share.raw.high + high))
        (distance,) = scope.distances
        raw = next(each for each in scope.raw_distances if each.measure is distance.measure)
        assert distance.found.high == pytest.approx(min(1, raw.found.high + high))
    (pair,) = whole.opinion.pairs
    assert pair.alike is None
    assert pair.places[0].kappa is not None
    assert pair.places[0].kappa.value == pytest.approx(cohen_kappa_score(frame["skin"], other))
    chefs = frame["label"] == "chef"
    assert pair.places[1].kappa is not None
    assert pair.places[1].kappa.value == pytest.approx(cohen_kappa_score(frame["skin"][chefs], other[chefs]))


@pytest.mark.parametrize(
    ("judges", "reason"),
    [
        (
            {OTHER_CLIP: 0.0},
            "no second judge is independent: bundled:judge and ViT-B-32/openai both see through a CLIP",
        ),
        ({VQA: 0.3}, "vqa:./blip, which is independent, agrees too little: kappa 0."),
        ({VQA: 0.0, DETECTOR: 0.3}, "detector:./detr, which is independent, agrees too little"),
    ],
    ids=["of one family", "that differs", "one of two that differs"],
)
def test_a_judge_that_checks_nothing_leaves_gates_undecided(judges: dict[JudgeId, float], reason: str) -> None:
    frame = people()
    _, found = heard(frame, {judge: wrong(frame["skin"], rate) for judge, rate in judges.items()})
    assert outcomes(found) == ["insufficient data"] * 2
    assert reason in str(found.gates[0].reason)
    assert found.attributes[0].scopes[0].quote.figure is Figure.RAW


def test_judges_that_say_the_same_of_every_image_prove_nothing() -> None:
    frame = people().assign(skin="dark")
    _, found = heard(frame, {VQA: frame["skin"]})
    assert outcomes(found) == ["insufficient data"] * 2
    assert "the agreement of vqa:./blip shows nothing: both judges gave every image the same value" in (
        found.gates[0].reason
    )


def test_abstentions_of_the_other_judge_count_as_disagreement() -> None:
    frame = people()
    other = frame["skin"].where(np.arange(len(frame)) % 10 != 0, "unknown")
    _, found = heard(frame, {VQA: other})
    assert found.attributes[0].scopes[0].differ == pytest.approx(proportion_confint(40, 400, method="wilson")[1])


@given(st.integers(0, 10**6))
@settings(max_examples=5)
def test_no_error_of_one_judge_alone_moves_a_share_or_a_distance_out_of_the_interval(seed: int) -> None:
    """The truth differs from the first judge only where the judges differ: whatever it is there, it is covered."""
    rng = np.random.default_rng(seed)
    frame = people(120, seed).assign(skin=lambda each: rng.choice([*SKIN, "unknown"], len(each), p=[0.5, 0.45, 0.05]))
    other = wrong(frame["skin"].where(frame["skin"] != "unknown", "dark"), 0.1, seed)
    other = other.where(rng.random(len(frame)) > 0.03, "unknown")
    whole, _ = heard(frame, {VQA: other})
    opinion = replace(whole.opinions["skin"], unchecked=None)
    truth = frame["skin"].where((frame["skin"] == other) | (rng.random(len(frame)) < 0.3), other)
    truth = truth.where((frame["skin"] == other) | (rng.random(len(frame)) < 0.7), rng.choice([*SKIN, "unknown"]))
    valued, really = (each[each.isin(SKIN)] for each in (frame["skin"], truth))
    rate = opinion.rate(None, len(valued), whole=True)
    assert rate is not None
    for value in SKIN:
        assert abs((valued == value).mean() - (really == value).mean()) <= rate + 1e-12


def test_the_judge_that_the_labels_find_right_most_often_decides_and_gates_use_its_figures() -> None:
    truth = people(1200, dark=0.3)
    frame = truth.assign(skin=wrong(truth["skin"], 0.4))
    better = wrong(truth["skin"], 0.03, 2)
    labels = truth.groupby("label").sample(80, random_state=0)[["id", "skin"]]
    whole, found = heard(frame, {OTHER_CLIP: better, VQA: wrong(truth["skin"], 0.2, 3)}, labels=labels)
    (decision,) = whole.opinion.decisions
    assert decision.judge == OTHER_CLIP.name
    assert "right most often: in at least 9" in decision.reason
    assert [each.decides for each in whole.opinion.accuracies] == [False, True, False]
    right = whole.opinion.accuracies[1].right
    assert right is not None
    agrees = better.loc[labels.index] == labels["skin"]
    assert right.value == pytest.approx(agrees.mean())
    scope = found.attributes[0].scopes[0]
    assert scope.quote.figure is Figure.LABELS
    assert scope.shares[1].count == (better == "dark").sum()
    assert whole.agreement[0].first["dark"] != whole.agreement[0].second["dark"], "that of the first two, as they were"


def test_few_labels_or_a_matrix_leave_the_first_judge() -> None:
    truth = people()
    frame = truth.assign(skin=wrong(truth["skin"], 0.4))
    labels = truth[["id", "skin"]].head(19)
    whole, found = heard(frame, {VQA: truth["skin"]}, labels=labels)
    assert (whole.choice["skin"], whole.opinion.decisions[0].judge) == (0, CLIP.name)
    assert outcomes(found)[0] == "insufficient data"
    assert found.attributes[0].scopes[1].quote.figure is not Figure.AGREED, "labels say more than agreement"


def test_independence_takes_other_weights_and_other_eyes() -> None:
    assert alike(CLIP, VQA) is None
    assert alike(VQA, DETECTOR) is None
    assert "the same weights" in str(alike(CLIP, JudgeId("local-dir:copy", CLIP.revision, family="captions")))
    assert "see through a CLIP" in str(alike(CLIP, JudgeId("detector:g/owlvit", "x", kind="detector")))
    assert "same captions" in str(alike(VQA, JudgeId("vqa:./vilt", "y", kind="vqa", family="captions")))


def test_about_the_set_itself_only_the_disagreement_is_in_doubt() -> None:
    frame = people()
    other = wrong(frame["skin"], 0.05)
    _, found = heard(frame, {VQA: other}, about_set=True)
    (light, _), differ = found.attributes[0].scopes[0].shares, (frame["skin"] != other).mean()
    assert light.agreed is not None
    assert light.agreed.low == pytest.approx((frame["skin"] == "light").mean() - differ)
    assert light.agreed.high == pytest.approx((frame["skin"] == "light").mean() + differ)
    (distance,) = found.attributes[0].scopes[0].distances
    assert distance.found.high == pytest.approx(distance.found.value + differ)


def test_measures_that_agreement_does_not_bound_stay_undecided() -> None:
    frame = people()
    whole, _ = heard(frame, {VQA: frame["skin"]})
    gates = ["skin overall: js <= 0.9", "skin overall: v <= 0.9", "skin overall: tv <= 0.2"]
    options = AuditOptions(references={"skin": uniform(SKIN)}, gates=gates, opinions=whole.opinions)
    found = measure(frame, {"skin": SKIN}, options)
    assert outcomes(found) == ["insufficient data", "insufficient data", "pass"]
    assert "bounds shares and total variation only" in found.gates[0].reason


def test_a_gate_fails_in_several_classes_only_beyond_the_disagreement() -> None:
    frame = people(dark=0.8)
    for rate, outcome in ((0.0, "fail"), (0.06, "insufficient data")):
        whole, _ = heard(frame, {VQA: wrong(frame["skin"], rate)})
        options = AuditOptions(
            references={"skin": uniform(SKIN)}, gates=["skin within class: tv <= 0.2"], opinions=whole.opinions
        )
        found = measure(frame, {"skin": SKIN}, options)
        assert outcomes(found) == [outcome]


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("several")
    as_folder(folder / "set", table())
    (folder / "attributes.yaml").write_text(ATTRIBUTES)
    save_blip(folder / "blip")
    save_vilt(folder / "vilt")
    save_detr(folder / "detr")
    return folder


def test_three_judges_are_heard_and_what_they_said_is_kept(several: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(several)
    judges = [JUDGE, "vqa:./blip", "vqa:./vilt"]
    found = judged(several, judges=judges, targets=UNIFORM, gates=["skin_tone overall: tv <= 0.5"])
    whole = found.to_dict()["findings"]["second_opinion"]
    assert [each["name"] for each in whole["judges"]] == judges
    assert [(each["first"], each["second"], bool(each["alike"])) for each in whole["pairs"]] == [
        (JUDGE, "vqa:./blip", False), (JUDGE, "vqa:./vilt", False), ("vqa:./blip", "vqa:./vilt", True),
    ]  # fmt: skip
    assert found.outcome == "insufficient data"
    assert {(each["judge"], each["class_name"]) for each in whole["classes"]} == {
        (judge, kind) for judge in judges[1:] for kind in ("chef", "doctor")
    }
    assert sum(each["shown"] + each["not_shown"] + each["unsure"] for each in whole["classes"]) == 24
    monkeypatch.setattr("synthgen.api.asked_judges.TransformersJudges._model", None)
    assert judged(several, judges=judges, targets=UNIFORM, gates=["skin_tone overall: tv <= 0.5"]).findings == (
        found.findings
    ), "a second audit asks nothing"


def test_a_judge_that_is_asked_may_come_first(several: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(several)
    found = judged(several, judges=["vqa:./blip"])
    assert found.report.diversity is None
    assert found.report.judge is not None
    assert found.report.judge.name == "vqa:./blip"


def test_judges_that_cannot_be_asked_are_refused_before_an_image_is_opened(
    several: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(several)
    with pytest.raises(UsageError, match="cannot find 'a person with light skin'"):
        judged(several, judges=[JUDGE, "detector:./detr"])
    with pytest.raises(UsageError, match="there is nothing to ask"):
        synthgen.audit(several / "set", **{**asked(several), "attributes": None, "judges": ["vqa:./blip"]})


@pytest.mark.slow
def test_the_command_names_all_judges_in_what_it_prints_and_writes(several: Path) -> None:
    options = ("audit", "set", "--attributes", "attributes.yaml", "-o", "found", "--device", "cpu", "--json")
    judges = ("--judge", JUDGE, "--judge", "vqa:./blip")
    done = call(*options, *judges, "--gate", "skin_tone: share of dark <= 0.9", folder=several)
    assert done.returncode == 4, done.stderr
    assert "vqa:./blip" in said(done.stderr)
    document = json.loads((several / "found" / "audit.json").read_text("utf-8"))
    assert document["findings"]["second_opinion"]["judges"][1]["kind"] == "vqa"
    page = (several / "found" / "report.html").read_text("utf-8")
    assert "A second opinion" in page
    assert result(done.stdout)["findings"]["second_opinion"] == document["findings"]["second_opinion"]


@pytest.mark.slow
def test_a_trained_detector_checks_the_bundled_judge_end_to_end(tmp_path: Path) -> None:
    (tmp_path / "attributes.yaml").write_text(ATTRIBUTES)
    as_folder(tmp_path / "set", table(100))
    train_detector(tmp_path / "detector")
    options = ("audit", "set", "--attributes", "attributes.yaml", "-o", "found", "--device", "cpu", "--judge", JUDGE)
    gates = ("--target", "skin_tone=uniform", "--gate", "skin_tone overall: tv <= 0.3")
    done = call(*options, "--judge", "detector:./detector", *gates, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    told = " ".join(done.stdout.split())
    assert "Pass, by the agreement of independent judges" in told
    assert "rests on the agreement of independent judges, which cannot show errors that they share" in told
    failed = call(*options, "--judge", "detector:./detector", "--gate", "skin_tone overall: share of dark >= 0.6",
                  folder=tmp_path)  # fmt: skip
    assert failed.returncode == 4
    assert "fail: skin_tone overall" in said(failed.stderr)

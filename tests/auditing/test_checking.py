"""A gate decides nothing on a judge that nobody checked on the set, unless it is told to."""

import numpy as np
import pandas as pd
import pytest

from synthgen.auditing.confusion import Confusion
from synthgen.auditing.findings import Figure
from synthgen.auditing.gates import Gate, GateOutcome
from synthgen.auditing.labelled import draw_sample, least_sample
from synthgen.auditing.measure import AuditOptions, measure
from synthgen.spec import GateSpec as SpecGate
from tests.auditing.hair import EVEN, FRAME, GATES, HAIR, TRUTH, audited, labels
from tests.sets.sets import of_counts

RIGHT = Confusion(HAIR["hair"], HAIR["hair"], ((60, 140), (2, 198)))
REFUSED = {
    "errorless": Confusion(HAIR["hair"], (*HAIR["hair"], "unknown"), ((200, 0, 90), (0, 200, 90))),
    "badly conditioned": Confusion(HAIR["hair"], HAIR["hair"], ((60, 55), (50, 65))),
    "blind": Confusion(HAIR["hair"], HAIR["hair"], ((60, 60), (60, 60))),
}


@pytest.mark.parametrize("gate", GATES, ids=str)
def test_a_judge_that_nobody_checked_decides_no_gate(gate: str | SpecGate | Gate) -> None:
    found = audited(gates=[gate])
    assert found.outcome is GateOutcome.INSUFFICIENT
    for check in found.gates[0].checks:
        assert check.unchecked == "this judge has not been checked on this set"
        assert "labels would settle it" in check.reason
        assert "more images" not in check.reason
    each_class = len(found.gates[0].checks) > 1 or ": v" in found.gates[0].gate
    assert found.labels_needed == (60 if each_class else 20)


@pytest.mark.parametrize("gate", GATES, ids=str)
def test_what_is_known_and_what_is_labelled_is_decided(gate: str | SpecGate | Gate) -> None:
    matrix = {"confusions": {"hair": RIGHT}, "labels": labels(dict.fromkeys(TRUTH, 10))}
    for given in ({"known": ["hair"]}, {"labels": labels(dict.fromkeys(TRUTH, 150))}, matrix):
        found = audited(gates=[gate], **given)
        assert {check.unchecked for check in found.gates[0].checks} == {None}
        assert found.labels_needed is None
        assert found.outcome is not GateOutcome.INSUFFICIENT or "crosses the limit" in found.gates[0].reason


MANY_AGREE = {"hair": Confusion(HAIR["hair"], HAIR["hair"], ((300, 700), (10, 990)))}
OTHERS = {"hair": Confusion(HAIR["hair"], HAIR["hair"], ((170, 30), (30, 170)))}


@pytest.mark.parametrize(
    ("matrix", "labelled", "why"),
    [
        (MANY_AGREE, {}, "no labels of this set show that the confusion matrix holds on it: none are given"),
        (MANY_AGREE, dict.fromkeys(TRUTH, 5), "only 15 images are labelled, 20 are needed"),
        (OTHERS, dict.fromkeys(TRUTH, 15), "the labels of this set disagree with the confusion matrix"),
    ],
    ids=["alone", "with few labels", "of another mix"],
)
@pytest.mark.parametrize("gate", GATES[:1], ids=str)
def test_a_matrix_decides_only_where_labels_of_the_set_agree(
    gate: str, matrix: dict[str, Confusion], labelled: dict[str, int], why: str
) -> None:
    found = audited(gates=[gate], confusions=matrix, **({"labels": labels(labelled)} if labelled else {}))
    assert found.outcome is GateOutcome.INSUFFICIENT
    assert why in found.gates[0].reason
    assert "labels would settle it" in found.gates[0].reason
    assert found.labels_needed == 60
    agreed = audited(gates=[gate], confusions=MANY_AGREE, labels=labels(dict.fromkeys(TRUTH, 19)))
    assert agreed.outcome is GateOutcome.FAIL
    fewer = audited(gates=[gate], confusions=MANY_AGREE, labels=labels(dict.fromkeys(TRUTH, 15)))
    assert "crosses the limit" in fewer.gates[0].reason, "the labels of no class say so by themselves"


@pytest.mark.parametrize("matrix", [*REFUSED.values(), None], ids=[*REFUSED, "labels elsewhere"])
def test_an_interval_is_as_wide_as_the_errors_that_were_seen(matrix: Confusion | None) -> None:
    elsewhere = {"labels": labels({"chef": 100, "farmer": 100})}
    found = audited(**({"confusions": {"hair": matrix}} if matrix else elsewhere))
    if matrix is REFUSED["errorless"]:
        found = measure(
            FRAME.assign(hair=["unknown" if row % 29 == 0 else said for row, said in enumerate(FRAME["hair"])]),
            HAIR,
            AuditOptions(references=EVEN, confusions={"hair": matrix}),
        )
    nurses = next(scope for scope in found.attributes[0].scopes if scope.class_name == "nurse")
    assert nurses.quote.figure is Figure.WIDENED
    quoted = nurses.shares[1].of(nurses.quote.figure)
    assert quoted is not None
    assert quoted.low <= TRUTH["nurse"] <= quoted.high
    raw = nurses.shares[1].raw
    assert raw is not None
    assert raw.low > TRUTH["nurse"]


def test_few_labels_give_the_wide_interval_and_not_the_raw_one() -> None:
    found = audited(labels=labels(dict.fromkeys(TRUTH, 12)))
    for scope in found.attributes[0].scopes[1:]:
        assert scope.quote.figure is Figure.LABELS
        assert scope.quote.unchecked is not None
        quoted, raw = scope.shares[1].labels, scope.shares[1].raw
        assert quoted is not None
        assert raw is not None
        assert quoted.half_width > 3 * raw.half_width
        assert quoted.low <= TRUTH[str(scope.class_name)] <= quoted.high


def test_the_wrong_pass_is_a_fail_with_labels() -> None:
    assert audited(gates=GATES[:1], trust_judge=True).outcome is GateOutcome.PASS
    assert audited(gates=GATES[:1], labels=labels(dict.fromkeys(TRUTH, 150))).outcome is GateOutcome.FAIL


@pytest.mark.parametrize("matrix", REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("gate", GATES[:7:2], ids=str)
def test_a_matrix_that_was_refused_checks_nothing(gate: str, matrix: Confusion) -> None:
    frame = FRAME.assign(hair=["unknown" if row % 29 == 0 else said for row, said in enumerate(FRAME["hair"])])
    if "unknown" not in matrix.answers:
        frame = FRAME
    found = measure(frame, HAIR, AuditOptions(references=EVEN, confusions={"hair": matrix}, gates=[gate]))
    assert found.outcome is GateOutcome.INSUFFICIENT
    assert "the confusion matrix was refused: " in found.gates[0].reason
    assert "labels would settle it" in found.gates[0].reason


@pytest.mark.parametrize("many", [0, 1, 8, 19])
def test_a_class_with_few_labels_is_undecided_where_the_others_are_decided(many: int) -> None:
    given = {"labels": labels({"chef": 150, "nurse": many, "farmer": 150})}
    found = audited(gates=["hair within class: share of long <= 0.9", "hair: v <= 0.9", GATES[1]], **given)
    within, v, over_all = found.gates
    said = {0: "no labels", 1: "only 1 label"}.get(many, f"only {many} labels")
    assert within.reason.startswith(f"class nurse: {said} in class nurse; 20 are needed; labels would settle it")
    assert {check.place: check.outcome for check in within.checks} == {
        "class chef": GateOutcome.PASS,
        "class farmer": GateOutcome.PASS,
        "class nurse": GateOutcome.INSUFFICIENT,
    }
    assert (v.outcome, f"{said} in class nurse" in v.reason) == (GateOutcome.INSUFFICIENT, True)
    assert over_all.checks[0].unchecked is None
    assert found.labels_needed == 60, "a new sample takes the old one's place"


def test_all_images_of_a_small_class_are_enough_labels() -> None:
    frame = of_counts({"chef": {"light": 4, "dark": 4}}, "skin")
    skin = {"skin": ("light", "dark")}
    for many, checked in ((7, "only 7 labels in class chef; 8 are needed: all of its images"), (8, None)):
        given = AuditOptions(labels=frame.head(many)[["id", "skin"]], gates=["skin: share of dark >= 0.01"])
        check = measure(frame, skin, given).gates[0].checks[0]
        assert (check.unchecked, check.outcome is GateOutcome.INSUFFICIENT) == (checked, checked is not None)


def test_labels_that_give_no_image_a_value_check_nothing() -> None:
    nothing = labels(dict.fromkeys(TRUTH, 30)).assign(hair="unknown")
    found = audited(gates=GATES[:1], labels=nothing)
    assert "the labels give none of these images a value" in found.gates[0].reason
    assert found.outcome is GateOutcome.INSUFFICIENT


def test_a_real_set_that_the_judge_measured_is_no_reference_for_a_gate() -> None:
    real = FRAME.assign(id=FRAME["id"] + "r")
    found = measure(
        FRAME, HAIR, AuditOptions(real=real, labels=labels(dict.fromkeys(TRUTH, 150)), gates=["hair: tv <= 0.9"])
    )
    assert found.outcome is GateOutcome.INSUFFICIENT
    assert "the shares of the real set are this judge's answers" in found.gates[0].reason
    assert (
        "declared target shares, or a known column in both sets, would settle it" in found.gates[0].reason,
        found.labels_needed,
    ) == (True, None)
    assert (
        measure(FRAME, HAIR, AuditOptions(real=real, known=["hair"], gates=["hair: tv <= 0.9"])).outcome
        is GateOutcome.PASS
    )


def test_how_often_the_judge_abstains_is_its_own_doing() -> None:
    found = audited(gates=["hair: unknown <= 0.1", "hair over all: unknown >= 0.5"])
    assert [gate.outcome for gate in found.gates] == [GateOutcome.PASS, GateOutcome.FAIL]


@pytest.mark.parametrize(
    ("given", "advice"),
    [
        ({"known": ["hair"]}, ": more images would narrow it"),
        ({"labels": labels(dict.fromkeys(TRUTH, 60))}, ": more labels, or images, would narrow it"),
        ({"trust_judge": True}, ": labels would narrow it"),
    ],
)
def test_advice_fits_the_cause(given: dict[str, object], advice: str) -> None:
    over_all = audited(**given).attributes[0].scopes[0]
    found = over_all.shares[1].of(over_all.quote.figure)
    assert found is not None
    at_its_value = Gate("hair", "dataset", "share", True, found.value - 1e-6, "long")
    assert advice in audited(gates=[at_its_value], **given).gates[0].reason


# Association


def test_an_association_is_corrected_by_the_labels_of_every_class() -> None:
    """The judge says the same of everybody: what it says depends on no class, and what is true does."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"label": np.repeat(["chef", "nurse"], 400), "id": [f"{row:04}" for row in range(800)]})
    long = rng.random(800) < frame["label"].map({"chef": 0.2, "nurse": 0.8})
    frame["hair"] = np.where(rng.random(800) < 0.9, "long", "short")
    truth = frame[["id"]].assign(hair=np.where(long, "long", "short"))
    gate = "hair: v <= 0.3"
    assert measure(frame, HAIR, AuditOptions(gates=[gate], trust_judge=True)).outcome is GateOutcome.PASS
    found = measure(frame, HAIR, AuditOptions(gates=[gate], labels=truth.iloc[::4]))
    assert found.outcome is GateOutcome.FAIL
    corrected = found.attributes[0].association.corrected
    assert corrected is not None
    assert corrected.low < 0.6 < corrected.high


@pytest.mark.slow
def test_the_interval_of_a_corrected_association_holds_the_truth() -> None:
    """Sixty audits of three classes, whose judge errs in each class another way."""
    rng, held, refused = np.random.default_rng(3), 0, 0
    shares = np.array([[0.5, 0.3, 0.2], [0.35, 0.35, 0.3], [0.2, 0.3, 0.5]])
    together = shares.mean(0)
    true = (((shares - together) ** 2 / together).sum() / 3 / 2) ** 0.5
    skin = {"skin": ("light", "medium", "dark")}
    for _ in range(60):
        truth = np.concatenate([rng.choice(3, 300, p=each) for each in shares])
        label = np.repeat([0, 1, 2], 300)
        said = np.where(rng.random(900) < 0.3, label, truth)
        frame = pd.DataFrame({"id": [f"{row:03}" for row in range(900)], "label": label.astype(str)})
        names = np.array(skin["skin"])
        drawn = draw_sample(frame, 180, int(rng.integers(10**6)))
        drawn["skin"] = names[truth[drawn["id"].astype(int)]]
        found = (
            measure(frame.assign(skin=names[said]), skin, AuditOptions(labels=drawn))
            .attributes[0]
            .association.corrected
        )
        if found is None:  # one random sheet in a hundred is taken for no random sample
            refused += 1
            continue
        held += found.low <= true <= found.high
    assert refused <= 3
    assert held >= 0.9 * (60 - refused)


# How many labels


@pytest.mark.parametrize("by", [(), ("hair",)])
def test_the_sample_that_is_asked_for_has_enough_of_each_class(by: tuple[str, ...]) -> None:
    rare = FRAME.drop(FRAME[(FRAME["label"] == "chef") & (FRAME["hair"] == "short")].index[2:])
    needs = {"chef": 20, "farmer": 20, "nurse": 20}
    least = least_sample(rare, needs, by)
    drawn = draw_sample(rare, least, by=by)["label"].value_counts()
    assert (drawn.loc[list(needs)] >= 20).all()
    fewer = draw_sample(rare, least - 1, by=by)["label"].value_counts()
    assert (fewer.loc[list(needs)] < 20).any()

"""The whole audit: what it composes, and what it says of sets that show nothing."""

import json

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import MetricFrame, selection_rate
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.auditing.confusion import Confusion
from synthgen.auditing.findings import Figure, Findings, Scope
from synthgen.auditing.gates import GateOutcome
from synthgen.auditing.labelled import draw_sample
from synthgen.auditing.measure import AuditOptions, measure
from synthgen.auditing.opinion import Counted, Opinion
from synthgen.auditing.tables import tables
from synthgen.errors import UsageError
from synthgen.sets import PREDICTED
from synthgen.stats.distance import Reference, Target, uniform
from tests.sets.sets import ATTRIBUTES, of_counts, random_set

SKIN = {"skin": ATTRIBUTES["skin"]}
UNIFORM = {"skin": uniform(ATTRIBUTES["skin"])}
TV = "skin within class: tv <= 0.1"
RIGHT = Confusion(SKIN["skin"], (*SKIN["skin"], "unknown"), ((90, 5, 5, 11), (5, 90, 5, 11), (5, 5, 90, 11)))


def scope(found: Findings, kind: str | None = None, attribute: str = "skin") -> Scope:
    scopes = next(each for each in found.attributes if each.name == attribute).scopes
    return next(each for each in scopes if each.class_name == kind)


def test_shares_in_each_class_are_fairlearns() -> None:
    frame = random_set(500)
    found = measure(frame, ATTRIBUTES)
    valued = frame[frame["skin"] != "unknown"]
    for value in ATTRIBUTES["skin"]:
        hit = (valued["skin"] == value).astype(int)
        by_class = MetricFrame(
            metrics=selection_rate, y_true=hit, y_pred=hit, sensitive_features=valued["label"]
        ).by_group
        for kind in found.classes:
            share = next(each.raw for each in scope(found, kind).shares if each.value == value)
            assert share is not None
            assert share.value == pytest.approx(by_class[kind])


def test_what_is_no_value_is_counted_and_shown() -> None:
    found = measure(of_counts({"chef": {"light": 30, "dark": 10, "unknown": 8, "not applicable": 2}}), SKIN)
    chef = scope(found, "chef")
    assert (chef.images, chef.valued, chef.unknown, chef.not_applicable) == (50, 40, 8, 2)
    assert chef.unknown_share is not None
    assert chef.unknown_share.value == 0.16
    light = chef.shares[0]
    assert light.raw is not None
    assert light.raw.value == 0.75
    assert (light.if_unknown_none, light.if_unknown_all) == (30 / 48, 38 / 48)


@given(st.integers(0, 10**6))
@settings(max_examples=2)
def test_the_order_of_the_rows_decides_nothing(seed: int) -> None:
    frame = random_set(150)
    frame.loc[::7, "prompt"] = None
    given_ = AuditOptions(
        references=UNIFORM, labels=frame[["id", "skin"]].iloc[:60], crossings=[("skin", "hair")], gates=[TV]
    )
    expected = measure(frame, ATTRIBUTES, given_)
    assert measure(frame.sample(frac=1, random_state=seed), ATTRIBUTES, given_) == expected


def test_shares_make_one_and_every_interval_contains_its_figure() -> None:
    frame = random_set(300)
    given_ = AuditOptions(
        references=UNIFORM,
        labels=draw_sample(frame, 80).merge(frame[["id", "skin"]]),
        confusions={"skin": RIGHT},
        opinions={"skin": Opinion("another", None, ({kind: Counted(100, 5) for kind in frame["label"].unique()},))},
    )
    shares = tables(measure(frame, SKIN, given_))["shares"]
    for figure in Figure:
        assert np.allclose(shares.groupby("place")[figure.value].sum(), 1)
        assert (shares[f"{figure}_low"] <= shares[figure]).all()
        assert (shares[figure] <= shares[f"{figure}_high"]).all()
        assert shares[f"{figure}_low"].between(0, 1).all()
        assert shares[f"{figure}_high"].between(0, 1).all()


def test_findings_are_json_as_they_are_and_tables() -> None:
    frame = random_set(200)
    ledger = frame.assign(verdict=["accepted", "rejected"] * 100, reason=["", "label"] * 100)
    given_ = AuditOptions(
        references=UNIFORM,
        ledger=ledger,
        real=random_set(150, 1),
        second=frame,
        crossings=[("class", "skin")],
        joints=["skin x hair"],
        gates=[TV],
    )
    found = measure(frame.assign(**{PREDICTED: frame["label"]}), ATTRIBUTES, given_)
    text = json.dumps(found.to_dict(), allow_nan=False)
    assert json.loads(text)["attributes"][0]["scopes"][0]["quote"]["figure"] == "clustered"
    made = tables(found)
    assert {name for name, table in made.items() if not len(table)} <= {"slices"}, "all others have rows"
    assert {"quoted", "quoted_low", "quoted_high", "raw_low", "labels"} <= set(made["shares"].columns)
    assert len(made["gates"]) == 2


def test_labels_are_quoted_before_a_matrix_and_a_matrix_before_the_judge() -> None:
    frame = random_set(400, prompts=1)
    labels = frame[["id", "skin"]]
    for given_, figure, words in (
        (AuditOptions(), Figure.RAW, "its errors included"),
        (AuditOptions(known=["skin"]), Figure.RAW, "known and not judged"),
        (AuditOptions(confusions={"skin": RIGHT}), Figure.MATRIX, "errs here as often"),
        (AuditOptions(confusions={"skin": RIGHT}, labels=labels.iloc[:150]), Figure.LABELS, "whatever they are"),
        (AuditOptions(labels=labels.iloc[:10]), Figure.LABELS, "are fewer than the 20"),
    ):
        quoted = scope(measure(frame, SKIN, given_)).quote
        assert quoted.figure is figure
        assert words in quoted.reason
    far_off = Confusion(SKIN["skin"], (*SKIN["skin"], "unknown"), ((90, 5, 5, 99), (5, 90, 5, 99), (5, 5, 90, 99)))
    quoted = scope(measure(frame, SKIN, AuditOptions(confusions={"skin": far_off}))).quote
    assert (quoted.figure, "no shares explain these answers" in quoted.reason) == (Figure.WIDENED, True)


def test_a_biased_judge_is_corrected_by_labels_and_its_distance_too() -> None:
    rng = np.random.default_rng(0)
    truth = rng.choice(SKIN["skin"], 1000)
    said = np.where((truth == "dark") & (rng.random(1000) < 0.6), "light", truth)
    frame = pd.DataFrame({"id": range(1000), "label": "chef", "skin": said})
    labels = draw_sample(frame, 300).assign(skin=lambda drawn: truth[drawn["id"]])
    found = scope(measure(frame, SKIN, AuditOptions(references=UNIFORM, labels=labels)), "chef")
    corrected, bare = found.distances[0], found.raw_distances[0]
    assert found.quote.figure is Figure.LABELS
    assert bare.p_value < 0.001 < corrected.p_value
    assert bare.found.low > corrected.found.value
    for share in found.shares:
        assert share.labels is not None
        assert share.labels.low < 1 / 3 < share.labels.high


def test_without_a_reference_there_is_no_verdict() -> None:
    found = scope(measure(random_set(50), SKIN))
    assert (found.distances, found.no_distance) == ((), "no reference was declared, so there is no verdict")
    with pytest.raises(UsageError, match="skin has no target to be distant from"):
        measure(random_set(50), SKIN, AuditOptions(gates=[TV]))


def test_a_real_set_is_the_reference_of_its_own_classes() -> None:
    real = of_counts({"chef": {"light": 60, "dark": 20}, "nurse": {"dark": 9}})
    frame = of_counts({"chef": {"light": 30, "dark": 10}, "doctor": {"light": 20, "dark": 20}})
    found = measure(frame, SKIN, AuditOptions(real=real, gates=[TV]))
    chef, doctor = scope(found, "chef"), scope(found, "doctor")
    assert chef.distances[0].found.value == pytest.approx(0)
    assert (doctor.distances, doctor.no_distance) == ((), "the real set has no images of this class that have a value")
    assert found.gates[0].outcome is GateOutcome.INSUFFICIENT
    assert "classes that the real set has and this one lacks: nurse" in found.caveats
    declared = Reference("declared shares", Target({"light": 0.5, "dark": 0.5}))
    assert (
        measure(frame, SKIN, AuditOptions(real=real, references={"skin": declared})).attributes[0].reference
        == "declared shares"
    )


def test_images_of_one_prompt_that_are_alike_widen_every_interval() -> None:
    frame = pd.DataFrame({"label": "chef", "prompt": [f"p{row // 20:03}" for row in range(800)]})
    frame["skin"] = np.repeat(np.random.default_rng(0).choice(SKIN["skin"], 40), 20)
    found = scope(measure(frame, SKIN, AuditOptions(references=UNIFORM)), "chef")
    assert (found.prompts, found.quote.figure) == (40, Figure.CLUSTERED)
    assert found.design_effect == pytest.approx(20, rel=0.2)
    first = found.shares[0]
    assert first.clustered is not None
    assert first.raw is not None
    assert first.clustered.half_width > 3 * first.raw.half_width
    alone = scope(measure(frame.drop(columns="prompt"), SKIN, AuditOptions(references=UNIFORM)), "chef")
    assert found.distances[0].chance_mean > 3 * alone.distances[0].chance_mean
    assert found.power.images_needed > 15 * alone.power.images_needed


def test_too_few_prompts_fall_back_and_say_so() -> None:
    frame = random_set(200, prompts=3)
    found = scope(measure(frame, SKIN), "chef")
    assert (found.prompts, found.effect_is, found.quote.figure) == (3, "bound", Figure.CLUSTERED)
    assert found.design_effect
    assert found.design_effect > found.valued / 4, "three prompts are worth three images at most"
    assert "3 prompts, or those of one class, are too few" in found.caveats[0]


def test_an_attribute_that_is_unknown_in_every_image_of_many_prompts_has_no_figure() -> None:
    found = measure(random_set(200).assign(skin="unknown"), SKIN)
    assert (scope(found).prompts, scope(found).quote.figure) == (40, None)
    assert found.attributes[0].association.reason == "no images with a value to compare"


# Sets that show nothing: never a perfect score


def test_an_empty_table_has_no_figures() -> None:
    empty = random_set(0)
    found = measure(empty, SKIN, AuditOptions(classes=["chef"], references=UNIFORM, gates=[TV, "skin: unknown <= 0.1"]))
    assert found.caveats == ("there are no images: nothing was measured", "classes without an image: chef")
    chef = scope(found, "chef")
    assert (chef.quote.figure, chef.quote.reason, chef.no_distance) == (
        None,
        "no image has a value",
        "no image has a value",
    )
    assert chef.shares[0].raw is None
    assert found.attributes[0].association.v is None
    assert found.outcome is GateOutcome.INSUFFICIENT
    assert measure(empty, SKIN, AuditOptions(references=UNIFORM, gates=[TV])).outcome is GateOutcome.INSUFFICIENT
    json.dumps(found.to_dict(), allow_nan=False)


def test_one_image_says_next_to_nothing() -> None:
    found = measure(
        of_counts({"chef": {"light": 1}}), SKIN, AuditOptions(references=UNIFORM, gates=[TV, "skin: entropy >= 0.1"])
    )
    share = scope(found, "chef").shares[0].raw
    assert share is not None
    assert share.low < 0.25
    assert found.attributes[0].association.reason == "fewer than two classes to compare"
    assert found.outcome is not GateOutcome.PASS


def test_an_attribute_that_is_all_unknown_is_not_balanced() -> None:
    found = measure(
        of_counts({"chef": {"unknown": 50}, "doctor": {"unknown": 50}}),
        SKIN,
        AuditOptions(references=UNIFORM, gates=[TV]),
    )
    chef = scope(found, "chef")
    assert (chef.distances, chef.quote.figure) == ((), None)
    assert (chef.shares[0].if_unknown_none, chef.shares[0].if_unknown_all) == (0, 1)
    assert chef.power.half_width is None
    assert found.outcome is GateOutcome.INSUFFICIENT
    assert "only 0 of 50 images have a value" in chef.caveats[0]


def test_a_matrix_makes_no_figure_of_abstention_alone() -> None:
    shy = Confusion(SKIN["skin"], (*SKIN["skin"], "unknown"), ((45, 3, 2, 50), (3, 45, 2, 50), (2, 3, 45, 50)))
    chef = scope(measure(of_counts({"chef": {"unknown": 3}}), SKIN, AuditOptions(confusions={"skin": shy})), "chef")
    assert (chef.quote.figure, chef.missing["matrix"]) == (None, "no image has a value")


def test_classes_that_were_not_declared_are_measured_and_named() -> None:
    frame = of_counts({"chef": {"light": 5}, "clown": {"dark": 5}})
    found = measure(frame, SKIN, AuditOptions(classes=["chef", "nurse"], references=UNIFORM, gates=[TV]))
    assert found.classes == {"chef": 5, "nurse": 0, "clown": 5}
    assert found.undeclared == ("clown",)
    assert found.caveats == ("classes that were not declared: clown", "classes without an image: nurse")
    places = {check.place: check.outcome for check in found.gates[0].checks}
    assert places["class nurse"] is GateOutcome.INSUFFICIENT


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (random_set(3).assign(label=None), "3 of 3 images have no class, the first is '000000'"),
        (random_set(3).drop(columns=["label", "id"]), "the table has no column 'label'"),
        (random_set(3).drop(columns="skin"), "the table has no column 'skin'"),
        (random_set(3).assign(skin="green"), "skin: the table has the value 'green' in '000000'"),
        (random_set(3).assign(id="a"), "id: 'a' is duplicated"),
    ],
)
def test_a_table_that_cannot_be_audited_is_refused(frame: pd.DataFrame, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        measure(frame, SKIN)
    assert caught.value.hint


def test_what_is_given_for_another_attribute_is_refused() -> None:
    for given_ in (
        AuditOptions(known=["age"]),
        AuditOptions(references={"age": UNIFORM["skin"]}),
        AuditOptions(confusions={"age": RIGHT}),
    ):
        with pytest.raises(UsageError, match="there is no attribute 'age'"):
            measure(random_set(3), SKIN, given_)
    with pytest.raises(UsageError, match="skin: expected two values or more"):
        measure(random_set(3), {"skin": ["light"]})


def test_crossings_suppress_small_cells_and_show_empty_ones() -> None:
    frame = pd.concat([of_counts({"chef": {"light": 40, "dark": 3, "unknown": 2}}), of_counts({"nurse": {"dark": 50}})])
    found = measure(frame.drop(columns="id"), SKIN, AuditOptions(crossings=[("class", "skin")])).crossings[0]
    cells = {cell.values: cell for cell in found.cells}
    assert (found.images, found.left_out, found.suppressed) == (93, 2, 1)
    assert (cells["chef", "dark"].count, cells["chef", "dark"].share) == (None, None)
    assert cells["nurse", "light"].count == 0
    light = cells["chef", "light"]
    assert light.count == 40
    assert light.expected == pytest.approx(43 * 40 / 93)
    for names in (["skin"], ["skin", "skin"], ["skin", "age"]):
        with pytest.raises(UsageError, match="crossing"):
            measure(frame.drop(columns="id"), SKIN, AuditOptions(crossings=[names]))


def test_an_empty_real_set_is_no_reference() -> None:
    found = measure(random_set(30), SKIN, AuditOptions(real=random_set(0), gates=[TV]))
    assert (found.attributes[0].reference, found.outcome) == (None, GateOutcome.INSUFFICIENT)
    assert found.amplification[0].reason == "fewer than two classes that both sets have"

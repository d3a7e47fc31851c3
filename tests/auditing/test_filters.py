"""What the filters do to whom, from a ledger of every attempt."""

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import MetricFrame, count, selection_rate
from scipy.stats import chi2_contingency

from synthgen.auditing.filters import Filter, Pipeline, read_pipeline
from synthgen.errors import UsageError

SKIN = {"skin": ("light", "dark")}


def ledger(rows: list[tuple[int, str, str, str | None, str | None]]) -> pd.DataFrame:
    """From how many, class, verdict, reason and skin."""
    columns = ["label", "verdict", "reason", "skin"]
    return pd.DataFrame([row[1:] for row in rows for _ in range(row[0])], columns=columns)


LEDGER = ledger(
    [
        (80, "chef", "accepted", None, "light"),
        (30, "chef", "accepted", None, "dark"),
        (10, "chef", "rejected", "label", "light"),
        (50, "chef", "rejected", "label", "dark"),
        (5, "chef", "rejected", "blank", "unknown"),
        (10, "doctor", "rejected", "clip", "light"),
        (20, "doctor", "rejected", "clip", "dark"),
        (15, "doctor", "surplus", None, "dark"),
        (4, "doctor", "failed", "safety_checker", None),
        (6, "doctor", "failed", "not_finite", None),
        (3, "doctor", "rejected", "unsafe", "dark"),
    ]
)


def read(frame: pd.DataFrame, groups: tuple[str, ...] = ()) -> Pipeline:
    return read_pipeline(frame, SKIN, np.random.default_rng(0), groups)


def one(found: Pipeline, name: str, kind: str | None = None) -> Filter:
    return next(each for each in found.filters if (each.filter, each.class_name) == (name, kind))


def test_filters_stand_in_their_order_and_nothing_is_lost() -> None:
    found = read(LEDGER)
    assert found.stages == (("failed", 10), ("blank", 5), ("unsafe", 3), ("label", 60), ("clip", 30), ("surplus", 15))
    label = one(found, "label")
    assert [(row.name, row.entered, row.passed) for row in label.values] == [
        ("light", 100, 90),
        ("dark", 115, 65),
        ("not applicable", 0, 0),
        ("unknown", 0, 0),
    ]
    blank = {row.name: (row.entered, row.passed) for row in one(found, "blank").values}
    assert blank["unknown"] == (5, 0), "what could not be told is kept"
    together = one(found, "all filters")
    assert [(row.entered, row.passed) for row in together.values[:2]] == [(100, 80), (118, 45)]


def test_composition_before_and_after_shows_what_a_filter_did() -> None:
    light = one(read(LEDGER), "label").values[0]
    assert light.share_before is not None
    assert light.share_after is not None
    assert (light.share_before.value, light.share_after.value) == pytest.approx((100 / 215, 90 / 155))


def test_rates_and_their_ratio_are_fairlearns() -> None:
    found = one(read(LEDGER), "all filters")
    judged = LEDGER[LEDGER["skin"].isin(SKIN["skin"])]
    passed = judged["verdict"].isin(["accepted", "surplus"]).astype(int)
    metrics = {"rate": selection_rate, "count": count}
    frame = MetricFrame(metrics=metrics, y_true=passed, y_pred=passed, sensitive_features=judged["skin"])
    for row in found.values[:2]:
        assert row.rate is not None
        assert row.rate.value == pytest.approx(frame.by_group["rate"][row.name])
        assert row.entered == frame.by_group["count"][row.name]
    assert found.lowest_to_highest is not None
    assert found.lowest_to_highest.value == pytest.approx(frame.ratio(method="between_groups")["rate"])
    assert 0 < found.lowest_to_highest.low < found.lowest_to_highest.value < found.lowest_to_highest.high < 0.8


def test_the_disparity_is_tested_and_corrected_for_how_many_tests_there_are() -> None:
    label = one(read(LEDGER), "label").test
    assert label is not None
    assert label.p_value == pytest.approx(chi2_contingency([[90, 10], [65, 50]], correction=False).pvalue)
    assert label.adjusted is not None
    assert label.adjusted > label.p_value
    assert one(read(LEDGER), "surplus").test is not None
    blank = one(read(LEDGER), "blank")
    assert (blank.test, blank.reason) == (None, "all of them passed")


def test_classes_are_shown_apart_where_they_may_hide_a_disparity() -> None:
    # Each class lets both through alike; the stricter class has more dark skins.
    frame = ledger(
        [
            (90, "chef", "accepted", None, "light"),
            (10, "chef", "rejected", "label", "light"),
            (9, "chef", "accepted", None, "dark"),
            (1, "chef", "rejected", "label", "dark"),
            (1, "doctor", "accepted", None, "light"),
            (9, "doctor", "rejected", "label", "light"),
            (10, "doctor", "accepted", None, "dark"),
            (90, "doctor", "rejected", "label", "dark"),
        ]
    )
    found = read(frame)
    over_all, chef = one(found, "all filters"), one(found, "all filters", "chef")
    assert over_all.lowest_to_highest is not None
    assert chef.lowest_to_highest is not None
    assert over_all.lowest_to_highest.value < 0.3
    assert chef.lowest_to_highest.value == pytest.approx(1)


def test_failures_and_safety_blocks_are_counted_by_group_unknown_too() -> None:
    frame = LEDGER.assign(prompt_skin=LEDGER["skin"].where(LEDGER["verdict"] != "failed", "dark"))
    frame.loc[0, "prompt_skin"] = None
    found = read(frame, ("prompt_skin",))
    by_group = {(row.column, row.group): row for row in found.losses}
    doctor = by_group["label", "doctor"]
    assert (doctor.attempts, doctor.failed, doctor.blocked) == (58, 10, 7)
    assert by_group["prompt_skin", "dark"].failed == 10
    assert by_group["prompt_skin", "unknown"].attempts == 6
    assert found.failed_tests["label"] is not None
    assert found.blocked_tests["label"] is not None
    assert found.failed_tests["label"].p_value < 0.001


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"verdict": "perhaps"}, "the verdict 'perhaps'"),
        ({"verdict": "rejected", "reason": "ugly"}, "the reason 'ugly'"),
        ({"verdict": "rejected", "reason": None}, "the reason ''"),
        ({"skin": "green"}, "the ledger has the value 'green'"),
    ],
)
def test_a_ledger_that_is_not_understood_is_refused(change: dict[str, str | None], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read(LEDGER.assign(**change))
    with pytest.raises(UsageError, match="the ledger has no column 'reason'"):
        read(LEDGER.drop(columns="reason"))


def test_an_empty_ledger_has_no_figures() -> None:
    found = read(LEDGER.iloc[:0])
    assert (found.attempts, found.stages, found.filters, found.losses) == (0, (), (), ())

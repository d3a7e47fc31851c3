"""A downstream model's errors by class and group, beside fairlearn's `MetricFrame`."""

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from datasets import ClassLabel, Dataset, Features, Value
from fairlearn.metrics import MetricFrame, false_positive_rate, selection_rate, true_positive_rate
from sklearn.metrics import accuracy_score, precision_score

import synthgen
from synthgen.auditing.groups.export import write_export
from synthgen.auditing.groups.model_errors import ModelErrors
from synthgen.auditing.measure import AuditOptions, measure
from synthgen.errors import UsageError
from tests.command import call, result, said

CLASSES = ["chef", "doctor", "nurse"]
KNOWN = {"gender": "gender", "skin": "skin"}
METRICS = {
    "recall": true_positive_rate, "fpr": false_positive_rate, "selection_rate": selection_rate,
    "precision": precision_score, "accuracy": accuracy_score,
}  # fmt: skip


def people(images: int = 900, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({
        "label": rng.choice(CLASSES, images),
        "gender": rng.choice(["man", "woman"], images, p=(0.6, 0.4)),
        "skin": rng.choice(["dark", "light", "medium"], images),
    })  # fmt: skip
    right = rng.random(images) < np.where(frame["gender"] == "woman", 0.6, 0.9)
    frame["guess"] = np.where(right, frame["label"], rng.choice(CLASSES, images))
    return frame


def audited(frame: pd.DataFrame, **more: Any) -> synthgen.Audit:
    return synthgen.audit(frame, known=KNOWN, predictions="guess", **more)


def errors(found: synthgen.Audit) -> ModelErrors:
    assert found.findings.groups is not None
    assert found.findings.groups.errors is not None
    return found.findings.groups.errors


def outcomes(found: synthgen.Audit) -> list[str]:
    return [gate.outcome.value for gate in found.findings.gates]


@pytest.mark.parametrize(
    ("name", "features"), [("gender", ["gender"]), ("skin", ["skin"]), ("gender x skin", ["gender", "skin"])]
)
def test_rates_by_group_are_those_of_a_metric_frame(name: str, features: list[str]) -> None:
    frame = people()
    found = errors(audited(frame, cross=[("gender", "skin")]))
    own = next(each for each in found.attributes if each.attribute == name)

    whole = MetricFrame(
        metrics=accuracy_score, y_true=frame["label"], y_pred=frame["guess"], sensitive_features=frame[features]
    )
    theirs = {", ".join(key) if isinstance(key, tuple) else key: value for key, value in whole.by_group.items()}
    assert {each.group: each.accuracy.value for each in own.groups if each.accuracy} == pytest.approx(theirs, abs=1e-9)
    spread = next(each for each in own.spreads if each.metric == "accuracy")
    assert spread.difference.value == pytest.approx(whole.difference(), abs=1e-9)
    assert spread.ratio is not None
    assert spread.ratio.value == pytest.approx(whole.ratio(), abs=1e-9)
    assert found.overall.accuracy is not None
    assert found.overall.accuracy.value == pytest.approx(whole.overall, abs=1e-9)

    for kind in CLASSES:
        one = MetricFrame(
            metrics=METRICS, y_true=frame["label"] == kind, y_pred=frame["guess"] == kind,
            sensitive_features=frame[features],
        )  # fmt: skip
        for metric in ("recall", "fpr", "selection_rate", "precision"):
            wanted = {", ".join(k) if isinstance(k, tuple) else k: v for k, v in one.by_group[metric].items()}
            rates = {
                group.group: getattr(each, metric).value
                for group in own.groups for each in group.classes if each.class_name == kind
            }  # fmt: skip
            assert rates == pytest.approx(wanted, abs=1e-9)
            apart = next(each for each in own.spreads if (each.place, each.metric) == (f"class {kind}", metric))
            assert apart.difference.value == pytest.approx(one.difference()[metric], abs=1e-9)


def test_rates_add_up_and_are_compared_with_the_reference_group() -> None:
    own = errors(audited(people(), reference_groups={"gender": "woman"})).attributes[0]
    men, women = own.groups
    assert men.error is not None
    assert men.accuracy is not None
    assert men.error.value + men.accuracy.value == pytest.approx(1)
    assert women.error is not None
    contrast = next(each for each in own.contrasts if (each.place, each.metric) == ("overall", "error"))
    assert (contrast.group, contrast.reference) == ("man", "woman")
    assert contrast.difference is not None
    assert contrast.difference.value == pytest.approx(men.error.value - women.error.value)
    assert all(
        each.recall and each.fnr and each.recall.value + each.fnr.value == pytest.approx(1) for each in men.classes
    )


def test_gates_on_errors_decide() -> None:
    lines = ["gender overall: error difference <= 0.05", "gender overall: error difference <= 0.5",
             "gender: recall >= 0.4", "gender: error <= 0.1", "skin overall: accuracy ratio_to_reference >= 0.8",
             "gender x skin overall: accuracy >= 0.5", "skin overall: error difference <= 0.03"]  # fmt: skip
    found = audited(people(), gates=lines)
    assert outcomes(found) == ["fail", "pass", "pass", "fail", "pass", "pass", "insufficient data"]
    assert found.findings.gates[0].checks[0].place == "woman"
    assert {check.place for check in found.findings.gates[3].checks if check.outcome == "fail"} == {
        f"class {kind}, woman" for kind in CLASSES
    }


def test_groups_that_a_judge_tells_decide_no_gate_unless_trusted() -> None:
    frame = people().rename(columns={"guess": "predicted class"})
    values = {"gender": ["man", "woman"]}
    gate = ["gender overall: error difference <= 0.5"]
    found = measure(frame, values, AuditOptions(gates=gate))
    assert found.gates[0].outcome == "insufficient data"
    assert "the groups are this judge's answers, which nothing checks" in found.gates[0].reason
    assert any("by the groups that the judge sees" in caveat for caveat in found.caveats)
    trusted = measure(frame, values, AuditOptions(gates=gate, trust_judge=True))
    assert trusted.gates[0].outcome == "pass"
    assert "on the judge's word alone" in trusted.gates[0].reason


def test_the_errors_in_this_very_set_have_no_interval() -> None:
    found = audited(people(), about="set", gates=["skin overall: error difference <= 0.03"])
    assert outcomes(found) != ["insufficient data"]
    error = errors(found).overall.error
    assert error is not None
    assert error.low == error.high


def test_predictions_outside_the_classes_are_errors_and_named() -> None:
    frame = people()
    frame.loc[:89, "guess"] = "pilot"
    found = audited(frame)
    assert (errors(found).outside, errors(found).outside_names) == (90, ("pilot",))
    accuracy = errors(found).overall.accuracy
    assert accuracy is not None
    assert accuracy.value == pytest.approx((frame["label"] == frame["guess"]).mean())
    assert any("90 predictions are none of the classes ('pilot')" in note for note in found.notes)


def test_missing_predictions_are_counted_and_may_keep_a_gate_open() -> None:
    frame = people()
    gate = ["gender overall: accuracy >= 0.5"]
    assert outcomes(audited(frame, gates=gate)) == ["pass"]
    frame.loc[frame["gender"].eq("woman") & (np.arange(900) % 3 == 0), "guess"] = None
    found = audited(frame, gates=gate)
    women = errors(found).attributes[0].groups[1]
    assert (women.missing, errors(found).missing) == (int(frame["guess"].isna().sum()),) * 2
    assert outcomes(found) == ["insufficient data"]
    assert "could turn this" in found.findings.gates[0].reason
    assert any("have no prediction" in note for note in found.notes)


def test_images_of_unknown_groups_may_keep_a_gate_open() -> None:
    frame = people()
    gate = ["gender overall: accuracy difference <= 0.28"]
    assert outcomes(audited(frame, gates=gate)) == ["pass"]
    frame.loc[np.arange(900) % 3 == 0, "gender"] = "unknown"
    found = audited(frame, gates=gate)
    assert errors(found).attributes[0].without_group == 300
    assert outcomes(found) == ["insufficient data"]


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (["Chef"] + ["doctor"] * 899, "'Chef' and the class 'chef' differ only in case"),
        (["chef\u200b"] + ["doctor"] * 899, "characters that cannot be seen"),
        ([0, 1, 2] * 300, "no prediction is a class"),
        ([None] * 900, "has no prediction"),
    ],
)  # fmt: skip
def test_predictions_that_are_not_written_like_classes_are_refused(column: list[Any], message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        audited(people().assign(guess=column))
    assert caught.value.argument == "predictions"


def test_the_classes_themselves_and_a_missing_column_are_no_predictions() -> None:
    with pytest.raises(UsageError, match="column of the classes themselves"):
        synthgen.audit(people(), known=KNOWN, predictions="label")
    with pytest.raises(UsageError, match="no column 'guesses'"):
        synthgen.audit(people(), known=KNOWN, predictions="guesses")
    with pytest.raises(UsageError, match="there are no predictions"):
        synthgen.audit(people(), known=KNOWN, gates=["gender: error <= 0.1"])
    with pytest.raises(UsageError, match="rate of one class"):
        audited(people(), gates=["gender overall: recall >= 0.1"])


def test_class_labels_of_a_dataset_are_read_by_name() -> None:
    frame = people(60)
    kind = ClassLabel(names=CLASSES)
    columns = {name: [CLASSES.index(each) for each in frame[name]] for name in ("label", "guess")}
    features = Features({"label": kind, "guess": kind, "gender": Value("string")})
    rows = Dataset.from_dict({**columns, "gender": list(frame["gender"])}, features=features)
    found = errors(synthgen.audit(rows, known={"gender": "gender"}, predictions="guess"))
    assert found.overall.accuracy is not None
    assert found.overall.accuracy.value == pytest.approx((frame["label"] == frame["guess"]).mean())


def test_errors_of_one_prompt_widen_the_intervals() -> None:
    rng = np.random.default_rng(0)
    frame = people(1200)
    prompt = np.arange(1200) // 20
    frame["label"] = np.array(CLASSES)[prompt % 3]
    wrong = (rng.random(60) < 0.3)[prompt]
    frame["guess"] = np.where(wrong, np.array(CLASSES)[(prompt + 1) % 3], frame["label"])
    alone = errors(audited(frame)).overall.error
    together = errors(audited(frame.assign(prompt=[f"p{each}" for each in prompt]))).overall.error
    assert alone is not None
    assert together is not None
    assert together.value == alone.value
    assert 3 < together.half_width / alone.half_width < 6  # about the root of 20


def test_the_guides_lines_make_a_metric_frame_of_the_export(tmp_path: Path) -> None:
    frame = people()
    found = audited(frame)
    found.write(tmp_path / "outputs" / "people-audit")
    guide = (Path(__file__).parents[2] / "docs" / "audit-groups.md").read_text("utf-8")
    lines = guide.partition("```python\n")[2].partition("```")[0]
    lines = lines.replace('"outputs/', f'"{(tmp_path / "outputs").as_posix()}/')
    names: dict[str, Any] = {"pandas": pd, "MetricFrame": MetricFrame, "accuracy_score": accuracy_score}
    exec(lines, names)
    assert list(names["table"].columns) == ["id", "y_true", "y_pred", "gender", "skin"]
    women = errors(found).attributes[0].groups[1]
    assert women.accuracy is not None
    assert names["frame"].by_group["woman"] == pytest.approx(women.accuracy.value, abs=1e-9)


def test_an_attribute_named_like_a_column_of_the_export_keeps_both(tmp_path: Path) -> None:
    frame = people().rename(columns={"gender": "y_pred"})
    found = synthgen.audit(frame, known={"y_pred": "y_pred"}, predictions="guess")
    found.write(tmp_path)
    assert list(pd.read_parquet(tmp_path / "groups.parquet").columns) == ["id", "y_true", "y_pred", "y_pred_group"]


def test_an_export_has_texts_whatever_the_cells_are() -> None:
    columns = {
        "texts": ["a", None],
        "halves": ["\ud800", "b"],
        "numbers": [1, 2],
        "mixed": ["a", 2],
        "none": [None, None],
    }
    table = pd.DataFrame({name: pd.Series(cells, dtype="object") for name, cells in columns.items()})
    found = pq.read_table(BytesIO(write_export(table))).to_pydict()
    texts = {
        "texts": ["a", None],
        "halves": ["?", "b"],
        "numbers": ["1", "2"],
        "mixed": ["a", "2"],
        "none": [None, None],
    }
    assert found == texts


def test_the_command_measures_a_models_errors(tmp_path: Path) -> None:
    frame = people()
    frame["path"] = [f"{number}.png" for number in range(len(frame))]
    frame.to_csv(tmp_path / "set.csv", index=False)
    gate = "gender overall: error difference <= 0.05"
    run = call(
        "audit",
        "set.csv",
        "--known",
        "gender=gender",
        "--predictions",
        "guess",
        "--gate",
        gate,
        "--json",
        folder=tmp_path,
    )
    assert run.returncode == 4
    assert "error difference <= 0.05: woman" in said(run.stderr)
    document = result(run.stdout)
    assert document["predictions"] == "guess"
    assert document["findings"]["groups"]["errors"]["attributes"][0]["attribute"] == "gender"
    page = (tmp_path / "outputs" / "set-audit" / "report.html").read_text("utf-8")
    assert "A model’s errors" in page
    assert "guess" in page

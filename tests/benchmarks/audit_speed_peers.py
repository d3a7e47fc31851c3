"""How long an audit of a table takes beside libraries that people use for parts of it, on the same table, in turns.

    python -m tests.benchmarks.audit_speed_peers

Puts its table between the marks `peers` of docs/audit-statistics.md. Times are those of the processor, so that other
programs on the machine count less.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer
from fairlearn.metrics import MetricFrame, false_negative_rate, false_positive_rate, selection_rate
from sklearn.metrics import accuracy_score
from statsmodels.stats.proportion import proportion_confint

from synthgen.auditing.measure import AuditOptions, measure
from synthgen.sets import PREDICTED
from tests.benchmarks.page import paragraph, put_into, ratio, table

ROOT = Path(__file__).parents[2]
VALUES = {"gender": ("woman", "man"), "skin": ("light", "medium", "dark"), "age": ("young", "middle", "old")}
METRICS = {"fnr": false_negative_rate, "fpr": false_positive_rate, "selection": selection_rate}


def people(rows: int, classes: int) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    names = [f"class{index:03}" for index in range(classes)]
    frame = pd.DataFrame({"id": np.arange(rows).astype(str), "label": rng.choice(names, rows)})
    for name, values in VALUES.items():
        frame[name] = rng.choice(values, rows)
    wrong = rng.random(rows) < 0.2
    frame["prediction"] = np.where(wrong, rng.choice(names, rows), frame["label"])
    return frame


def shares(frame: pd.DataFrame) -> None:
    """Count every attribute by class, and compute Wilson's interval of every share."""
    for name, values in VALUES.items():
        counts = pd.crosstab(frame["label"], frame[name])
        counts.loc["overall"] = counts.sum()
        for _, row in counts.iterrows():
            for value in values:
                proportion_confint(row[value], row.sum(), method="wilson")


def errors(frame: pd.DataFrame, **boot: object) -> list[object]:
    """Compute accuracy by group, and each class's error rates by group."""
    found: list[object] = []
    for name in VALUES:
        of = {"sensitive_features": frame[name], **boot}
        true, said = frame["label"], frame["prediction"]
        found.append(MetricFrame(metrics=accuracy_score, y_true=true, y_pred=said, **of).by_group)
        for kind in true.unique():
            found.append(MetricFrame(metrics=METRICS, y_true=true == kind, y_pred=said == kind, **of).by_group)
    return found


def main(
    docs: Annotated[Path, typer.Option(help="The folder with audit-statistics.md.")] = ROOT / "docs",
    rows: int = 20_000,
    classes: int = 6,
    rounds: Annotated[int, typer.Option(help="Times that each is run, in turns.")] = 5,
) -> None:
    """Measure, and write the ratios."""
    frame = people(rows, classes)
    plain, predicted = frame.drop(columns="prediction"), frame.rename(columns={"prediction": PREDICTED})

    def audit() -> None:
        measure(plain, VALUES, AuditOptions(known=list(VALUES)))

    def audit_errors() -> None:
        measure(predicted, VALUES, AuditOptions(known=list(VALUES)))

    compared: list[tuple[str, str, Callable[[], object], Callable[[], object]]] = [
        ("shares with intervals", "pandas.crosstab and statsmodels", audit, lambda: shares(frame)),
        ("a model's errors by group", "fairlearn, without intervals", audit_errors, lambda: errors(frame)),
        (
            "a model's errors by group",
            "fairlearn, 20 bootstraps",
            audit_errors,
            lambda: errors(frame, n_boot=20, ci_quantiles=[0.025, 0.975], random_state=0),
        ),
    ]
    found = []
    for what, peer, ours, theirs in compared:
        ours()
        theirs()
        times = np.array([[_seconds(ours), _seconds(theirs)] for _ in range(rounds)])
        found.append((what, peer, f"{np.median(times[:, 0]):.2f} s", f"{np.median(times[:, 1]):.2f} s", ratio(times)))
    lines = [
        *paragraph(
            f"**Beside other libraries.** {rows:,} images, {classes} classes, three known attributes; in turns, "
            f"{rounds} rounds, in seconds of the processor, on a machine that was busy with other work. The audit also "
            "tests associations, searches slices and computes simultaneous intervals each time; the others do what is "
            "named. The ratio is theirs to ours, with a 95 % interval of the rounds."
        ),
        *table(["what", "beside", "audit", "other", "ratio"], found),
    ]
    text = "\n".join(lines)
    put_into(docs / "audit-statistics.md", text, "peers")
    print(text)


def _seconds(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


if __name__ == "__main__":
    typer.run(main)

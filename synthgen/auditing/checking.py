"""Checking the judge on the audited set: how many labels the gates need, and whether trusting it changed anything."""

from collections.abc import Iterator, Sequence

import pandas as pd

from synthgen.auditing.findings import AttributeFindings
from synthgen.auditing.gates import LABELS_SETTLE, Gate, GateOutcome, GateResult
from synthgen.auditing.labelled import least_sample
from synthgen.auditing.quote import fewest_labels


def labels_needed(
    frame: pd.DataFrame,
    attributes: Sequence[AttributeFindings],
    gates: Sequence[Gate],
    results: Sequence[GateResult],
) -> int | None:
    """Return the size of a sample by `draw_sample` that checks the judge wherever a gate needs it to be decided.

    None if no gate needs labels. Labels that were given are not counted: a new sample replaces them.
    """
    wanting = [gate for gate, result in zip(gates, results, strict=True) if _wants_labels(result)]
    if not wanting:
        return None

    judged = [attribute.name for attribute in attributes if not attribute.known]
    by_class = any(gate.within == "class" or gate.measure == "v" for gate in wanting)
    images = {str(name): int(many) for name, many in frame["label"].value_counts().items()}
    # The overall shares need at least one label of every class.
    needs = {name: fewest_labels(many) if by_class else 1 for name, many in images.items()}
    least = least_sample(frame, needs, judged if len(judged) == 1 else ())
    return max(least, fewest_labels(len(frame)))


def _wants_labels(result: GateResult) -> bool:
    checks = [check for check in result.checks if check.outcome is GateOutcome.INSUFFICIENT]
    return any((check.remedy or "").startswith(LABELS_SETTLE) for check in checks)


def unused_trust(
    trust_judge: bool, attributes: Sequence[AttributeFindings], results: Sequence[GateResult]
) -> Iterator[str]:
    """Say that trusting the judge changed nothing, if so."""
    if not trust_judge or any(check.unchecked for result in results for check in result.checks):
        return
    if not results:
        reason = "no gate was declared"
    elif all(attribute.known for attribute in attributes):
        reason = "no attribute was judged"
    else:
        reason = "no gate rests on the judge's word alone"
    yield f"trusting the judge changed nothing: {reason}"

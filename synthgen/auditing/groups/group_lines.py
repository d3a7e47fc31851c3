"""What a gate line may say about groups: differences, ratios, and rates of a model's errors."""

from synthgen.auditing.gates import Gate
from synthgen.errors import UsageError

DIFFERENCE, RATIO = "difference", "ratio_to_reference"
CONTRASTS = (DIFFERENCE, RATIO)
METRICS = ("error", "accuracy", "recall", "fnr", "fpr", "precision", "selection_rate")
"""Rates of a model's predictions; all but the first two are those of one class."""
OF_ALL = METRICS[:2]


def group_measure(text: str) -> str | None:
    """Return the measure of groups that a gate line names, such as 'error difference'; None if it names another."""
    words = text.replace("-", "_").replace("ratio to reference", RATIO).replace("selection rate", "selection_rate")
    metric, _, contrast = words.partition(" ")
    if words in CONTRASTS or (metric in METRICS and contrast in ("", *CONTRASTS)):
        return words
    return None


def split_measure(measure: str) -> tuple[str | None, str | None]:
    """Split a measure of groups into the metric of predictions and the contrast, either of which may be missing."""
    metric, _, contrast = measure.partition(" ")
    if measure in CONTRASTS:
        return None, measure
    return (metric, contrast or None) if metric in METRICS else (None, None)


def is_ratio(measure: str) -> bool:
    return measure.endswith(RATIO)


def needs_predictions(measure: str) -> bool:
    return split_measure(measure)[0] is not None


def check_group_gate(gate: Gate) -> None:
    """Check that the measure of a gate is one of its place.

    Raises:
        UsageError: it is not.
    """
    metric, contrast = split_measure(gate.measure)
    if gate.within == "between" and (metric or not contrast):
        hint = f"Between classes there are {' and '.join(CONTRASTS)}, against the reference class."
        raise UsageError(f"gate '{gate}': {gate.measure!r} is not compared between classes", hint=hint)
    if metric and metric not in OF_ALL and gate.within == "dataset":
        hint = f"Write 'within class', or take {' or '.join(OF_ALL)}."
        raise UsageError(f"gate '{gate}': {metric!r} is a rate of one class", hint=hint)

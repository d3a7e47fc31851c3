"""What the verdict of gates rests on: labels, a matrix, judges that agree, a judge's word, or a column."""

from collections import Counter
from collections.abc import Iterator, Sequence

from synthgen.auditing.findings import AttributeFindings, Figure, Scope
from synthgen.auditing.gates import WORD, Check, Gate, GateOutcome, GateResult

AGREEMENT = "the agreement of independent judges, which cannot show errors that they share"
ABSTENTION = "the judge's abstentions"
_FIGURES = {
    Figure.LABELS: "labels of this set",
    Figure.MATRIX: "a confusion matrix that labels of this set agree with",
    Figure.AGREED: AGREEMENT,
}

_UNCHECKED = {
    Figure.LABELS: "on too few labels alone",
    Figure.MATRIX: "on the confusion matrix alone",
    Figure.WIDENED: "on the judge's word, give or take the errors that it was seen to make",
}


def word_of(scope: Scope) -> str:
    """Say what a figure of this place rests on where nothing shows that it is right."""
    return _UNCHECKED.get(scope.quote.figure, WORD) if scope.quote.figure else WORD


def rests_on(
    gates: Sequence[Gate], results: Sequence[GateResult], attributes: Sequence[AttributeFindings]
) -> tuple[str, ...]:
    """Return in words what decided gates rest on, the most frequent first; empty if none was decided."""
    by_name = {attribute.name: attribute for attribute in attributes}
    found = Counter[str]()
    for gate, result in zip(gates, results, strict=True):
        found.update(_of_gate(gate, result.checks, by_name[gate.attribute]))
    return tuple(name for name, _ in found.most_common())


def _of_gate(gate: Gate, checks: Sequence[Check], attribute: AttributeFindings) -> Iterator[str]:
    scopes = {scope.place: scope for scope in attribute.scopes}
    for check in checks:
        if check.outcome is GateOutcome.INSUFFICIENT:
            continue
        # A comparison of groups has a place of its own, and rests on what all scopes rest on.
        own = scopes.get(check.place) if gate.measure != "v" else None
        several = (own,) if own is not None else attribute.scopes
        figure = next((scope.quote.figure for scope in several if scope.quote.figure in _FIGURES), None)
        if attribute.known:
            yield "columns taken as true"
        elif gate.measure == "unknown":
            yield ABSTENTION
        elif check.unchecked or figure is None:
            yield (check.word or WORD).removeprefix("on ")
        else:
            yield _FIGURES[figure]

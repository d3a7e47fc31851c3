"""Values of a column that other programs write where there is none, such as `NaN`."""

from collections.abc import Iterator

from synthgen.auditing.input.audit_input import AuditInput

_WORDS = frozenset({"na", "n/a", "#n/a", "<na>", "nan", "nat", "none", "null", "nil", "missing", "-", "--", "?"})


def missing_told(first: AuditInput) -> Iterator[str]:
    """Say which values of known columns may mean that there is no value. They are counted as they are written.

    `none` may be a value, such as of glasses, so it is not refused. Values that are declared are meant.
    """
    for name, column in first.question.known.items():
        if name in first.declared.attributes:
            continue
        counts = first.frame[name].dropna().value_counts()
        found = {value: int(counts[value]) for value in sorted(counts.index) if value.casefold() in _WORDS}
        if found:
            shown = ", ".join(f"{value!r} ({many:,})" for value, many in found.items())
            yield (
                f"{name}: the column {column!r} holds {shown}, counted as values like any other; where there is no"
                " value, leave the cell empty or write 'unknown'"
            )

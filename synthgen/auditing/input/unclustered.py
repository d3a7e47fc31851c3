"""Sets beside the audited one that lack a column of dependent images."""

from collections.abc import Iterable, Iterator, Sequence

from synthgen.auditing.input.audit_input import ObservedSet


def unclustered_told(others: Iterable[ObservedSet | None], clusters: Sequence[str]) -> Iterator[str]:
    """Say which of the sets to compare with lack a column of `clusters`, so that nothing allows for it."""
    for seen in others:
        if seen is None:
            continue
        for column in clusters:
            if column not in seen.images.columns:
                what = f"{seen.images.source} has no column {column!r} (`cluster`): its images count as independent"
                yield f"{what}, so its intervals may be too narrow, and differences from it may only seem beyond chance"

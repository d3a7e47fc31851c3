"""Check what a spec says about the dataset: its splits, and its format, which must be installed here."""

from collections.abc import Iterator, Mapping
from math import isclose

from synthgen.errors import UsageError
from synthgen.plugins import FORMATS, plugin
from synthgen.spec.bare import Data, Violation, mapping

PARQUET = "parquet"
"""The format that is part of synthgen."""


def check_output(output: Data) -> Iterator[Violation]:
    """Yield the problems of the section `output` that involve several keys, or what is installed."""
    yield from _splits(mapping(output, "splits"))
    yield from _format(output)


def _splits(splits: Data) -> Iterator[Violation]:
    numbers = (share for share in splits.values() if not isinstance(share, bool))
    shares = [share for share in numbers if isinstance(share, int | float)]
    if shares and len(shares) == len(splits) and not isclose(sum(shares), 1, abs_tol=1e-6):
        yield Violation(("output", "splits"), f"expected shares that add up to 1, found {sum(shares):g}")


def _format(output: Data) -> Iterator[Violation]:
    name, options = output.get("format", PARQUET), output.get("format_options")
    if not isinstance(name, str):
        return
    if name == PARQUET:
        if isinstance(options, Mapping) and options:
            yield Violation(("output", "format_options"), f"expected nothing: {PARQUET!r} has no options")
        return
    try:
        plugin(FORMATS, name, own=(PARQUET,))
    except UsageError as error:
        yield Violation(("output", "format"), f"{error.message}. {error.hint}" if error.hint else error.message)

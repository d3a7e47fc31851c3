"""Check that the format which a spec names is installed here."""

from collections.abc import Iterator, Mapping

from synthgen.errors import UsageError
from synthgen.plugins import FORMATS, plugin
from synthgen.spec.bare import Data, Violation

PARQUET = "parquet"
"""The format that is part of synthgen."""


def check_format(output: Data) -> Iterator[Violation]:
    """Check `output.format` and `output.format_options`."""
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

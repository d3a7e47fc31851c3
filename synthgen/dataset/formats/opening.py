"""Open the format that a spec names: the one that is part of synthgen, or one of an installed plug-in."""

from collections.abc import Mapping

from synthgen.dataset.formats.format import FormatWriter
from synthgen.dataset.formats.parquet import ParquetFormat
from synthgen.dataset.provenance import FormatOrigin
from synthgen.errors import SynthgenError, UsageError, cause_of
from synthgen.plugins import FORMATS, plugin
from synthgen.spec import PARQUET
from synthgen.spec.output import Option


def open_format(name: str, options: Mapping[str, Option]) -> tuple[FormatWriter, FormatOrigin]:
    """Open a format, and say where it comes from.

    Args:
        options: the arguments that the plug-in is called with.

    Raises:
        UsageError: it is not installed, or it does not take these options.
    """
    if name == PARQUET:
        return ParquetFormat(), FormatOrigin()

    found = plugin(FORMATS, name, own=(PARQUET,))
    origin = FormatOrigin(name, found.release, dict(options))
    make = found.load()
    if not callable(make):
        raise _faulty(f"{found}: {found.value} cannot be called")
    try:
        writer = make(**options)
    except SynthgenError:
        raise
    except (Exception, SystemExit) as error:  # somebody else's code: anything may come
        given = ", ".join(f"{key}={value!r}" for key, value in options.items())
        raise _faulty(f"{found}: it does not take the options ({given}): {cause_of(error)}") from error
    if not callable(getattr(writer, "write", None)):
        raise _faulty(f"{found}: it has no method `write`")
    return writer, origin


def _faulty(what: str) -> UsageError:
    return UsageError(
        f"the format {what}", hint="Look at output.format_options in the spec, or ask the plug-in's authors."
    )

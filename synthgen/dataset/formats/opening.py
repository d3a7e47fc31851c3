"""Open the formats that a spec names: those that are part of synthgen, and those of installed plug-ins."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from synthgen.dataset.formats.coco import CocoFormat
from synthgen.dataset.formats.format import FormatWriter
from synthgen.dataset.formats.image_folder import ImageFolderFormat
from synthgen.dataset.formats.parquet import ParquetFormat
from synthgen.dataset.formats.saved import SavedFormat
from synthgen.dataset.formats.several import SeveralFormats
from synthgen.dataset.formats.web_dataset import WebDatasetFormat
from synthgen.dataset.formats.yolo import YoloFormat
from synthgen.dataset.provenance import FormatOrigin
from synthgen.errors import SynthgenError, UsageError, cause_of
from synthgen.plugins import FORMATS, plugin
from synthgen.spec import OWN_FORMATS, PARQUET
from synthgen.spec.output import Option

_OWN: Mapping[str, Callable[[], FormatWriter]] = {
    PARQUET: ParquetFormat,
    "hf": SavedFormat,
    "webdataset": WebDatasetFormat,
    "imagefolder": ImageFolderFormat,
    "coco": CocoFormat,
    "yolo": YoloFormat,
}
"""The formats that are part of synthgen: one row for each of `OWN_FORMATS`."""


def open_formats(names: Sequence[str], options: Mapping[str, Option]) -> tuple[FormatWriter, FormatOrigin]:
    """Open one or several formats as one, and say where they come from.

    Args:
        options: the arguments that the plug-in among them is called with.

    Raises:
        UsageError: one is not installed, or it does not take these options.
    """
    opened = {name: _opened(name, {} if name in OWN_FORMATS else options) for name in names}
    (writer, origin), *beside = opened.values()
    if not beside:
        return writer, origin
    return SeveralFormats(opened), replace(origin, beside=tuple(other for _, other in beside))


def _opened(name: str, options: Mapping[str, Option]) -> tuple[FormatWriter, FormatOrigin]:
    if name in _OWN:
        return _OWN[name](), FormatOrigin(name)

    found = plugin(FORMATS, name, own=OWN_FORMATS)
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

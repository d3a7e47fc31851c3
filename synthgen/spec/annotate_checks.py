"""Check that what finds boxes and masks can act, and that a filter of boxes has some."""

from collections.abc import Iterator

from synthgen.spec.annotate import BUNDLED_READER
from synthgen.spec.bare import Data, Violation, mapping
from synthgen.spec.model import BUNDLED_MODEL, FOLDER_ID
from synthgen.spec.place import KEY, quoted
from synthgen.spec.rules import CLASS
from synthgen.spec.template import Template, TemplateError


def check_annotate(spec: Data) -> Iterator[Violation]:
    """Yield the problems of `annotate` and of `filters.box`."""
    annotate, source = mapping(spec, "annotate"), mapping(spec, "source")
    found, carried = annotate.get("boxes") is not None, source.get("boxes") is not None
    if spec.get("annotate") is not None and not found and annotate.get("masks") is None:
        yield Violation(("annotate", KEY), "it names no model: add boxes, masks or both")
    for key, column in (("boxes", "boxes"), ("masks", "mask")):
        if annotate.get(key) is not None and source.get(column) is not None:
            what = f"images have those of source.{column} already: remove it there, or leave this out"
            yield Violation(("annotate", key, KEY), what)
        yield from _model(spec, annotate, key)
    if annotate.get("masks") is not None and not (found or carried):
        what = "a segmenter is shown boxes: add annotate.boxes, or name the column of the source's in source.boxes"
        yield Violation(("annotate", "masks", KEY), what)
    yield from _text(annotate)
    if mapping(spec, "filters").get("box") is not None and not (found or carried):
        what = "images have no boxes: add annotate.boxes, or name the column of the source's in source.boxes"
        yield Violation(("filters", "box", KEY), what)


def _model(spec: Data, annotate: Data, key: str) -> Iterator[Violation]:
    entry = annotate.get(key)
    place = entry if isinstance(entry, str) else mapping(annotate, key).get("model")
    if place == BUNDLED_READER and (model := mapping(spec, "model").get("id")) != BUNDLED_MODEL:
        what = f"{quoted(BUNDLED_READER)} knows pictures of {quoted(BUNDLED_MODEL)} alone, and the model is {model!r}"
        yield Violation(("annotate", key), what)
    is_hub = isinstance(place, str) and place != BUNDLED_READER and not FOLDER_ID.fullmatch(place)
    if mapping(annotate, key).get("revision") is not None and not is_hub:
        yield Violation(("annotate", key, "revision"), "only an id on the hub takes it")


def _text(annotate: Data) -> Iterator[Violation]:
    boxes = mapping(annotate, "boxes")
    text = boxes.get("text")
    if not isinstance(text, str):
        return
    if boxes.get("model") == BUNDLED_READER:
        yield Violation(("annotate", "boxes", "text", KEY), f"{quoted(BUNDLED_READER)} takes no text")
    try:
        strange = sorted({*Template.parse(text).variables} - {CLASS})
    except TemplateError as error:
        yield Violation(("annotate", "boxes", "text"), str(error))
        return
    if strange:
        what = f"only {{class}} can stand in it, and it has {{{strange[0]}}}"
        yield Violation(("annotate", "boxes", "text"), what)

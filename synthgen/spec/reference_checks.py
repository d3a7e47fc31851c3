"""Check that each reference is whole, and that the pictures that it names can be there."""

from collections.abc import Iterator, Mapping

from synthgen.spec.bare import Data, Violation, mapping
from synthgen.spec.model import FOLDER_ID
from synthgen.spec.place import KEY, Path
from synthgen.spec.reference import BEGUN
from synthgen.spec.then import REFINE


def check_reference(spec: Data) -> Iterator[Violation]:
    """Yield the problems of the keys of each reference."""
    references = spec.get("reference")
    for index, entry in enumerate(references if isinstance(references, list | tuple) else ()):
        if isinstance(entry, Mapping):
            yield from _own(entry, ("reference", index), begins=spec.get("source") is not None)
            yield from _later(entry, spec.get("then"))


def _own(entry: Data, at: Path, *, begins: bool) -> Iterator[Violation]:
    given = [key for key in ("image", "column") if entry.get(key) is not None]
    if len(given) != 1:
        what = "give one of them, not both" if given else "give one of them"
        yield Violation(at, f"its picture is an 'image', or in a 'column' of the source: {what}")
    if not begins:
        why = "the images of this spec begin from no pictures: name a file in 'image', or set task and source"
        if "column" in given:
            yield Violation((*at, "column"), why)
        elif entry.get("image") == BEGUN:
            yield Violation((*at, "image"), why)

    model = entry.get("model")
    if isinstance(model, str) and model.endswith(".safetensors"):
        yield Violation((*at, "model"), "expected the folder of the IP-Adapter; its file goes into 'file'")
    yield from _revision(entry, model, at)
    encoder = entry.get("encoder")
    if not isinstance(encoder, Mapping):
        return
    place = encoder.get("id")
    if place is None and encoder.get("revision") is not None:
        yield Violation((*at, "encoder", "revision"), "only an id takes it: where the adapter is, so is its revision")
    elif place is not None:
        yield from _revision(mapping(entry, "encoder"), place, (*at, "encoder"))


def _later(entry: Data, then: object) -> Iterator[Violation]:
    """Refuse stages by the spec's own model, which would be shown what no longer is there."""
    stages = then if isinstance(then, list | tuple) else [then]
    own = any(isinstance(one, Mapping) and one.get("task") == REFINE and one.get("model") is None for one in stages)
    if own and (entry.get("column") is not None or entry.get("image") == BEGUN):
        what = "a stage by the spec's own model cannot be shown a picture of each image's own"
        yield Violation(("then", KEY), f"{what}: name a model in it, or a file for all images in reference")


def _revision(entry: Data, place: object, at: Path) -> Iterator[Violation]:
    if entry.get("revision") is not None and isinstance(place, str) and FOLDER_ID.fullmatch(place):
        yield Violation((*at, "revision"), "only an id on the hub takes it")

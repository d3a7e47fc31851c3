"""Check that a task has what leads it, and that each control is whole."""

from collections.abc import Iterator, Mapping

from synthgen.spec.bare import Data, Violation, mapping
from synthgen.spec.control import BUNDLED_CONTROLS
from synthgen.spec.model import BUNDLED_MODEL
from synthgen.spec.place import KEY, Path, quoted

CONTROL = "control"
"""The task that is led by pictures, and the key that says by which."""
_WITH_REGION = ("inpaint", "outpaint")
LED = (CONTROL, "image-to-image", *_WITH_REGION)
"""The tasks in which pictures can lead."""
_EXAMPLE = "[{model: ./my-controlnet, preprocessor: canny}]"


def check_control(spec: Data) -> Iterator[Violation]:
    """Yield the problems of `task` and `control` together, and of the keys of each control."""
    controls = spec.get("control")
    if spec.get("task") == CONTROL and not controls:
        yield Violation(("task",), f"{CONTROL!r} needs what leads the images: add control, such as {_EXAMPLE}")
    elif spec.get("task") not in LED and controls:
        what = f"pictures lead the tasks {', '.join(LED[:-1])} and {LED[-1]} only: set one of them, or remove control"
        yield Violation(("control", KEY), what)
    for index, entry in enumerate(controls if isinstance(controls, list | tuple) else ()):
        if isinstance(entry, Mapping):
            yield from _own(entry, ("control", index), mapping(spec, "model").get("id"))
            if entry.get("preprocessor") == "masked" and spec.get("task") not in _WITH_REGION:
                what = f"only the tasks {' and '.join(_WITH_REGION)} draw a region: take another preprocessor"
                yield Violation(("control", index, "preprocessor"), what)


def _own(entry: Data, at: Path, generator: object) -> Iterator[Violation]:
    model, made, given = (entry.get(key) for key in ("model", "preprocessor", "column"))
    if (made is None) == (given is None):
        what = "give one of them" if made is None else "give one of them, not both"
        yield Violation(at, f"its picture is in a 'column' of the source, or made by a 'preprocessor': {what}")

    thresholds = entry.get("thresholds")
    if thresholds is not None and made != "canny":
        yield Violation((*at, "thresholds"), "only 'preprocessor: canny' takes it")
    elif _descends(thresholds):
        yield Violation((*at, "thresholds"), f"expected the lower one first, found {thresholds}")
    if model is None:
        for key in ("revision", "subfolder", "mode"):
            if entry.get(key) is not None:
                yield Violation((*at, key), "only a control model takes it: name one in 'model'")
    elif model in BUNDLED_CONTROLS:
        if generator != BUNDLED_MODEL:
            yield Violation((*at, "model"), f"{quoted(str(model))} leads {BUNDLED_MODEL} only")
        for key in ("revision", "subfolder"):
            if entry.get(key) is not None:
                yield Violation((*at, key), "a bundled model takes none")
    elif isinstance(model, str) and model.startswith((".", "/", "~")) and entry.get("revision") is not None:
        yield Violation((*at, "revision"), "only an id on the hub takes it")


def _descends(pair: object) -> bool:
    return isinstance(pair, list | tuple) and len(pair) == 2 and all(type(n) is int for n in pair) and pair[0] > pair[1]

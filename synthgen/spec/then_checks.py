"""Check that each later stage is whole, and goes with the task."""

from collections.abc import Iterator, Mapping

from synthgen.spec.bare import Data, Violation, mapping
from synthgen.spec.place import KEY, Path, quoted
from synthgen.spec.then import REFINE, UPSCALE, is_folder_id

_KEEPS = ("inpaint", "outpaint")
"""The tasks whose images have pixels of their pictures, bit for bit."""


def check_then(spec: Data) -> Iterator[Violation]:
    """Yield the problems of the keys of each later stage, and of the task that comes before it."""
    then = spec.get("then")
    if then is None:
        return
    if str(mapping(spec, "model").get("id")).startswith("plugin:"):
        yield Violation(("then", KEY), "a generator of an installed package has no later stages: remove it")
        return
    if isinstance(then, Mapping):
        yield from _own(then, ("then",), spec.get("task"))
    for index, entry in enumerate(then if isinstance(then, list | tuple) else ()):
        if isinstance(entry, Mapping):
            yield from _own(entry, ("then", index), spec.get("task"))


def _own(entry: Data, at: Path, before: object) -> Iterator[Violation]:
    task, model, scale = entry.get("task"), entry.get("model"), entry.get("scale")
    if task == UPSCALE:
        if scale is None or scale == 1:
            yield Violation(at if scale is None else (*at, "scale"), f"{UPSCALE!r} needs a scale above 1, such as 2")
        if entry.get("strength") is not None:
            yield Violation(
                (*at, "strength"), f"only {REFINE!r} draws a part of the image: remove it, or set that task"
            )
    for key in ("revision", "variant"):
        if model is None and entry.get(key) is not None:
            yield Violation((*at, key), "only a model of its own takes it: name one in 'model'")
    if is_folder_id(model) and entry.get("revision") is not None:
        yield Violation((*at, "revision"), "only an id on the hub takes it")
    for key in ("steps", "guidance"):
        if task == UPSCALE and model is None and entry.get(key) is not None:
            yield Violation((*at, key), "no model draws here: name an upscaler in 'model', or remove it")

    grows = task == UPSCALE or (isinstance(scale, int | float) and scale != 1)
    if before in _KEEPS and grows:
        what = f"{quoted(str(before))} keeps pixels of its picture, and an enlarged image would have none of them"
        yield Violation((*at, "scale"), f"{what}: remove it, or set a larger model.size")

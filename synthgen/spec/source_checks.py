"""Check that a task has the pictures that it begins from, and that pictures are used by the task."""

from collections.abc import Iterator

from synthgen.spec.bare import Data, Violation, mapping, texts_at
from synthgen.spec.place import KEY, quoted

TASK, _INPAINT, _OUTPAINT = "text-to-image", "inpaint", "outpaint"
FROM_PICTURES = ("image-to-image", "edit", _INPAINT, _OUTPAINT, "control")
"""The tasks that begin from the pictures of `source`."""


def check_source(spec: Data) -> Iterator[Violation]:
    """Yield the problems of `task`, `source`, `region` and `canvas` together."""
    task, has_source = spec.get("task", TASK), spec.get("source") is not None
    if task in FROM_PICTURES and not has_source:
        yield Violation(("task",), f"{task!r} begins from pictures: add source, such as {{dataset: ./photos}}")
    elif task == TASK and has_source:
        what = f"{TASK!r} begins from no picture; set task: {FROM_PICTURES[0]}, or leave source out"
        yield Violation(("source", KEY), what)
    kept = mapping(spec, "source").get("keep")
    for place, name in texts_at(("source", "keep"), kept):
        if isinstance(kept, list) and name in kept[: kept.index(name)] + kept[kept.index(name) + 1 :]:
            yield Violation(place, f"{quoted(name)} is listed twice")
    if mapping(spec, "source").get("box_form") is not None and mapping(spec, "source").get("boxes") is None:
        yield Violation(("source", "box_form", KEY), "it says how boxes are written: name their column in source.boxes")
    for key, of in (("region", _INPAINT), ("canvas", _OUTPAINT)):
        if spec.get(key) is not None and task != of:
            yield Violation((key, KEY), f"it acts only with task: {of}, and the task is {task!r}")
    if has_source and task == _INPAINT:
        yield from _check_region(spec)
    if task == _OUTPAINT:
        yield from _check_canvas(spec)


def _check_region(spec: Data) -> Iterator[Violation]:
    source, of = mapping(spec, "source"), mapping(spec, "region").get("of")
    if source.get("mask") is None and source.get("boxes") is None:
        what = (
            f"{_INPAINT!r} needs a region: name the column of the masks in source.mask, or of the boxes in source.boxes"
        )
        yield Violation(("task",), what)
    elif of in ("mask", "boxes") and source.get(str(of)) is None:
        yield Violation(("region", "of"), f"the source has no {of}: name their column in source.{of}")


def _check_canvas(spec: Data) -> Iterator[Violation]:
    canvas = mapping(spec, "canvas")
    if (canvas.get("margins") is None) == (canvas.get("scale") is None):
        what = "give either margins or scale"
        if spec.get("canvas") is None:
            what = (
                f"{_OUTPAINT!r} needs to know where pictures lie: add canvas, such as {{margins: 8}} or {{scale: 0.75}}"
            )
            yield Violation(("task",), what)
        else:
            yield Violation(("canvas", KEY), what)

"""Check that a task has the pictures that it begins from, and that pictures are used by the task."""

from collections.abc import Iterator

from synthgen.spec.bare import Data, Violation
from synthgen.spec.place import KEY

TASK = "text-to-image"
FROM_PICTURES = ("image-to-image", "control")
"""The tasks that begin from the pictures of `source`."""
_LATER = ("inpaint", "outpaint")


def check_source(spec: Data) -> Iterator[Violation]:
    """Yield the problems of `task` and `source` together."""
    task, has_source = spec.get("task", TASK), spec.get("source") is not None
    if task in _LATER:
        expected = " or ".join(map(repr, (TASK, *FROM_PICTURES)))
        yield Violation(("task",), f"{task!r} is not yet available in this version; expected {expected}")
    elif task in FROM_PICTURES and not has_source:
        yield Violation(("task",), f"{task!r} begins from pictures: add source, such as {{dataset: ./photos}}")
    elif task == TASK and has_source:
        what = f"{TASK!r} begins from no picture; set task: {FROM_PICTURES[0]}, or leave source out"
        yield Violation(("source", KEY), what)

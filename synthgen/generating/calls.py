"""The arguments of a call of a model: its tensors, and how the images of a batch are divided. Pure."""

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn


class OnlyTensors(nn.Module):
    """A model that is given nothing but tensors; its other arguments are those of one call.

    Args:
        of_backbone: its call.
        backbone: with the weights, to convert it.
    """

    def __init__(
        self, of_backbone: Callable[..., object], given: dict[str, object], backbone: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.backbone, self._of_backbone, self._given = backbone, of_backbone, given

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """Call it as in that call, with these tensors."""
        rest = iter(tensors)
        given = with_each(self._given, lambda leaf: next(rest) if isinstance(leaf, Tensor) else leaf)
        outputs = self._of_backbone(**cast("dict[str, object]", given), return_dict=False)
        if not (isinstance(outputs, tuple) and all(isinstance(each, Tensor) for each in outputs)):
            raise TypeError("it returns other things than tensors")
        return outputs


def tensors_of(given: dict[str, object]) -> list[Tensor]:
    """Return all tensors of a call, in its order, each in one piece of memory."""
    return [leaf.contiguous() for leaf in leaves_of(given) if isinstance(leaf, Tensor)]


def with_each(value: object, change: Callable[[object], object]) -> object:
    """Return what is nested in mappings and lists, with something else in place of each leaf."""
    if isinstance(value, dict):
        return {name: with_each(each, change) for name, each in value.items()}
    if isinstance(value, list | tuple):
        changed = [with_each(each, change) for each in value]
        return tuple(changed) if isinstance(value, tuple) else changed
    return change(value)


def leaves_of(value: object) -> list[object]:
    """Return what is nested in mappings and lists, in its order."""
    found: list[object] = []
    with_each(value, found.append)
    return found


def images_of(given: dict[str, object]) -> int:
    """Return how many images a call is for, by its first tensor; 0 if its tensors are in lists, one for each."""
    lists = [each for each in given.values() if isinstance(each, list | tuple)]
    first = next((leaf for leaf in leaves_of(given) if isinstance(leaf, Tensor)), None)
    if first is None or not first.dim() or any(isinstance(leaf, Tensor) for leaf in leaves_of(lists)):
        return 0
    return len(first)


def most_parts(given: dict[str, object]) -> int:
    """Return in how many equal parts a batch is computed: at most one for each thread."""
    images, most = images_of(given), torch.get_num_threads()
    return max((count for count in range(1, min(images, most) + 1) if images % count == 0), default=1)


def part_of(given: dict[str, object], count: int, place: int) -> dict[str, object]:
    """Return one of so many parts of a call: of every tensor that has as many rows as there are images."""
    if count == 1:
        return given
    images = images_of(given)
    rows = slice(images // count * place, images // count * (place + 1))

    def cut(leaf: object) -> object:
        return leaf[rows] if isinstance(leaf, Tensor) and leaf.dim() and len(leaf) == images else leaf

    return cast("dict[str, object]", with_each(given, cut))

"""Embeddings of single prompts, put together as those of a batch: padded with zeros, which masks leave out."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

import torch
from torch import Tensor
from torch.nn.functional import pad

Embedded: TypeAlias = "Tensor | Sequence[Embedded] | None"
"""One thing that `encode_prompt` returns: a tensor, one for each prompt or layer, or nothing."""


def as_rows(texts: Mapping[str, object]) -> Iterator[dict[str, object]]:
    """Split the texts of a batch into those of each image. What is one text goes to every image.

    Example:
        >>> list(as_rows({"prompt": ("a cat", "a dog"), "negative_prompt": "blue"}))[1]
        {'prompt': ['a dog'], 'negative_prompt': 'blue'}
    """
    count = max((len(text) for text in texts.values() if isinstance(text, list | tuple)), default=1)
    for row in range(count):
        yield {name: [text[row]] if isinstance(text, list | tuple) else text for name, text in texts.items()}


def stacked(names: Sequence[str], rows: Sequence[Sequence[Embedded]]) -> list[Embedded]:
    """Put the embeddings of prompts together: those of a batch.

    Args:
        names: what the embeddings are called; the same number in each row.
    """
    if len(rows) == 1:
        return list(rows[0])
    parts: list[list[Embedded]] = [[row[place] for row in rows] for place in range(len(names))]
    lengths = {
        name: [one.shape[-2] for one in part if isinstance(one, Tensor)]  # behind axes of images and of layers
        for name, part in zip(names, parts, strict=True)
        if all(isinstance(one, Tensor) and one.ndim > 2 for one in part)
    }
    for place, name in enumerate(names):
        # Some leave a mask out where it is full, which it no longer is behind a longer prompt.
        long = lengths.get(name.replace("_mask", ""), [])
        if "mask" in name and len(set(long)) > 1 and any(part is None for part in parts[place]):
            parts[place] = _full(parts[place], long, rows)
    return [_together(name, part) for name, part in zip(names, parts, strict=True)]


def side_by_side(names: Sequence[str], one: Sequence[Embedded], other: Sequence[Embedded]) -> list[Embedded]:
    """Take a prompt's embeddings and those of its negative prompt, each padded to the longer of the two.

    Args:
        one: of the prompt: what `names` say, and nothing for the negative prompt.
        other: the same of the negative prompt, as if it were a prompt.
    """
    place = {name: at for at, name in enumerate(names)}
    found: list[Embedded] = list(one)
    for name, at in place.items():
        if name.startswith("negative_"):
            continue
        against = place.get(f"negative_{name}")
        if against is None:
            found[at] = max(one[at], other[at], key=_length)
        else:
            found[at], found[against] = _padded([one[at], other[at]])
    return found


def on(device: torch.device, part: Embedded) -> Embedded:
    """Copy embeddings to a device."""
    if isinstance(part, Tensor):
        return part.to(device, copy=True)
    return None if part is None else type(part)(on(device, one) for one in part)  # type: ignore[call-arg]


def bytes_of(part: Embedded) -> int:
    if isinstance(part, Tensor):
        return part.numel() * part.element_size()
    return 0 if part is None else sum(map(bytes_of, part))


def shape_of(part: Embedded) -> object:
    if isinstance(part, Tensor):
        return tuple(part.shape)
    return None if part is None else tuple(map(shape_of, part))


def _full(masks: Sequence[Embedded], lengths: Sequence[int], rows: Sequence[Sequence[Embedded]]) -> list[Embedded]:
    like = next((mask for mask in masks if isinstance(mask, Tensor)), None)
    device = next(part.device for part in rows[0] if isinstance(part, Tensor))
    # Each pipeline that leaves masks out reads booleans: some make them of numbers, and Fibo 2 takes nothing else.
    made = {"dtype": torch.bool if like is None else like.dtype, "device": device}
    return [
        torch.ones(1, length, **made) if mask is None else mask  # type: ignore[call-overload]
        for mask, length in zip(masks, lengths, strict=True)
    ]


def _together(name: str, parts: Sequence[Embedded]) -> Embedded:
    first = parts[0]
    if first is None:
        return None
    if isinstance(first, Tensor):
        if name.endswith("text_ids") and first.ndim == 2:
            return max(parts, key=_length)  # places in the text, and no axis for images
        padded = [one for one in _padded(parts) if isinstance(one, Tensor)]
        return torch.cat(padded, dim=_axis(first))
    if not any(isinstance(part, list | tuple) and len(part) > 1 for part in parts):
        return [one for part in parts if part for one in part]  # a list with one entry for each image
    layers = zip(*(part for part in parts if part is not None), strict=True)
    return [_together(name, list(layer)) for layer in layers]


def _axis(tensor: Tensor) -> int:
    """Return the axis of images, of which there is one: the first, or the second behind an axis of layers."""
    return tuple(tensor.shape).index(1)


def _padded(parts: Sequence[Embedded]) -> list[Embedded]:
    """Pad tensors at the end of each axis to the longest; lists of tensors entry by entry."""
    if all(isinstance(part, Tensor) for part in parts):
        tensors = [part for part in parts if isinstance(part, Tensor)]
        longest = [max(sizes) for sizes in zip(*(one.shape for one in tensors), strict=True)]
        return [_to(one, longest) for one in tensors]
    if any(part is None for part in parts):
        return list(parts)
    pairs = [_padded(layer) for layer in zip(*parts, strict=True)]
    return [list(one) for one in zip(*pairs, strict=True)]


def _to(tensor: Tensor, sizes: Sequence[int]) -> Tensor:
    ends = [(0, size - own) for own, size in zip(tensor.shape, sizes, strict=True)]
    return pad(tensor, [width for end in reversed(ends) for width in end]) if any(more for _, more in ends) else tensor


def _length(part: Embedded) -> int:
    return part.numel() if isinstance(part, Tensor) else 0

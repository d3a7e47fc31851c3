"""Whether the object is in its boxes: the judge is shown each box alone."""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from synthgen.judging.edits import PictureEncoder
from synthgen.judging.measures import margins_of
from synthgen.judging.zero_shot import class_choice
from synthgen.records import Candidate
from synthgen.regions.carried import Corners
from synthgen.spec import Spec


class BoxMeasure:
    """`box_margin`: the `label_margin` of the part of the image in a box; of several boxes, the least.

    NaN where an image has no box.
    """

    names = ("box_margin",)

    def __init__(self, spec: Spec) -> None:
        self._spec = spec

    def setup(self, encoder: PictureEncoder) -> None:
        self._encoder, self._classes = encoder, class_choice(self._spec, encoder)

    def measure(
        self, images: Tensor, candidates: Sequence[Candidate], boxes: Sequence[Sequence[Corners]]
    ) -> Mapping[str, Tensor]:
        """Measure uint8 images [n, 3, height, width], each with its boxes: float [n]."""
        size = (images.shape[3], images.shape[2])
        cut = [(n, images[n][square_of(box, size)]) for n, several in enumerate(boxes) for box in several]
        least = torch.full((len(images),), math.nan, device=images.device)
        if cut:
            posteriors = self._classes.posteriors(
                self._encoder.embed_pictures([part for _, part in cut]), self._encoder.logit_scale
            )
            labels = torch.tensor([candidates[n].label for n, _ in cut], device=posteriors.device)
            for (n, _), margin in zip(cut, margins_of(posteriors, labels), strict=True):
                least[n] = torch.fmin(least[n], margin)
        return {"box_margin": least}


def square_of(box: Corners, size: tuple[int, int]) -> tuple[slice, ...]:
    """Return the smallest square around a box, as an index of an image [3, height, width].

    A CLIP sees squares, and cuts off what is outside of them. Where the square would reach over the image, it is moved;
    where it is larger than the image, it is cut.
    """
    left, top, right, bottom = box
    side = math.ceil(max(right - left, bottom - top))
    ranges = []
    for low, high, whole in ((top, bottom, size[1]), (left, right, size[0])):
        length = min(max(side, 1), whole)
        begin = min(max(round((low + high - length) / 2), 0), whole - length)
        ranges.append(slice(begin, begin + length))
    return slice(None), *ranges

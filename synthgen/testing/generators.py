"""The contract of a `Generator`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from synthgen.records import Candidate
from synthgen.running import Generator
from synthgen.testing.checking import require, require_facts
from synthgen.testing.fakes import make_candidates

if TYPE_CHECKING:
    from torch import Tensor

LEVELS = 1
"""By how many of 256 levels an image may differ in another batch: rounding, and no other noise."""

Images = dict[str, "Tensor | None"]


def check_generator(make: Callable[[], Generator]) -> None:
    """Run every check of the contract.

    Args:
        make: gives a new generator on which `setup` has not been called.

    Raises:
        AssertionError: a check fails; it says what was expected.
    """
    for check in GENERATOR_CHECKS:
        check(make)


def setup_may_be_called_twice(make: Callable[[], Generator]) -> None:
    """`setup` may be called again; `batch_size` is then at least 1, and `provenance` maps texts to texts."""
    generator = make()
    generator.setup()
    generator.setup()
    require(generator.batch_size >= 1, f"batch_size must be at least 1, and is {generator.batch_size}")
    require_facts(generator.provenance())


def each_candidate_gets_an_image_or_a_failure(make: Callable[[], Generator]) -> None:
    """`render` gives a `Rendered` for each candidate, in order; images are uint8 [3, height, width] of one size."""
    import torch

    candidates, generator = make_candidates(4), _ready(make)
    rendered = generator.render(candidates)
    require([one.candidate for one in rendered] == candidates, "render must give each candidate back, in order")
    sizes = set()
    for one in rendered:
        require((one.image is None) != (one.failure is None), f"{one.candidate.id} needs an image or a failure")
        if one.image is not None:
            shape, dtype = tuple(one.image.shape), one.image.dtype
            right = dtype == torch.uint8 and len(shape) == 3 and shape[0] == 3
            require(right, f"images must be uint8 [3, height, width], found {dtype} {list(shape)}")
            sizes.add(shape)
        require(one.seconds >= 0 and one.batch_size >= 1, "seconds and batch_size must be those of the batch")
    require(len(sizes) <= 1, f"images of one batch must have one size, found {sorted(sizes)}")


def the_seed_alone_makes_the_noise(make: Callable[[], Generator]) -> None:
    """A candidate's image is the same alone, in a batch, in another order and of a new generator, up to `LEVELS`."""
    candidates, generator = make_candidates(4), _ready(make)
    expected = _images(generator, candidates)
    others = {
        "in another order": _images(generator, candidates[::-1]),
        "of a new generator": _images(_ready(make), candidates),
    }
    others["alone"] = {name: image for each in candidates for name, image in _images(generator, [each]).items()}
    for where, images in others.items():
        for name, image in images.items():
            require(
                _alike(image, expected[name]), f"{name} {where} is another image: its noise must come from its seed"
            )


def another_seed_makes_another_image(make: Callable[[], Generator]) -> None:
    """Candidates with different seeds do not get the same image, bit for bit."""
    images = [image for image in _images(_ready(make), make_candidates(4)).values() if image is not None]
    repeated = [first for first in range(len(images)) for other in images[:first] if images[first].equal(other)]
    require(not repeated, "two candidates with different seeds got the same image")


GENERATOR_CHECKS: tuple[Callable[[Callable[[], Generator]], None], ...] = (
    setup_may_be_called_twice,
    each_candidate_gets_an_image_or_a_failure,
    the_seed_alone_makes_the_noise,
    another_seed_makes_another_image,
)


def _ready(make: Callable[[], Generator]) -> Generator:
    generator = make()
    generator.setup()
    return generator


def _images(generator: Generator, candidates: Sequence[Candidate]) -> Images:
    return {one.candidate.id: None if one.image is None else one.image.cpu() for one in generator.render(candidates)}


def _alike(image: Tensor | None, other: Tensor | None) -> bool:
    if image is None or other is None:
        return image is other
    return image.shape == other.shape and int((image.int() - other.int()).abs().max()) <= LEVELS

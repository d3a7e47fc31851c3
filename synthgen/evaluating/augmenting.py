"""RandAugment (Cubuk et al. 2020, arXiv 1909.13719), with the settings of torchvision: two changes of strength 9."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from PIL.Image import Image

CHANGES, STRENGTH = 2, 9
_LONGEST = 256
"""Larger pictures are made smaller before they are changed: judges look at fewer pixels than these."""


@cache
def rand_augment() -> Callable[[torch.Tensor], torch.Tensor]:
    """Return what changes one image [3, height, width] of bytes, by torch's own random state."""
    from torchvision.transforms.v2 import RandAugment

    made: Callable[[torch.Tensor], torch.Tensor] = RandAugment(num_ops=CHANGES, magnitude=STRENGTH)
    return made


def copy_key(file: bytes, number: int) -> bytes:
    """Return the key of an augmented copy: the same for the same file and number, whatever the evaluation."""
    return sha256(b"RandAugment %d %d copy %d of " % (CHANGES, STRENGTH, number) + file).digest()


def augmented_copy(picture: Image, key: bytes) -> Image:
    """Change a picture at random, by the key of the copy alone."""
    from torchvision.transforms.v2 import functional

    small = picture.copy()
    small.thumbnail((_LONGEST, _LONGEST))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int.from_bytes(key[:8], "big") >> 1)
        changed = rand_augment()(functional.pil_to_tensor(small))
    made: Image = functional.to_pil_image(changed)
    return made

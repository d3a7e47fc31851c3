"""A set of portraits in two splits, with one fault of each kind planted in it."""

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from synthgen.bundled.world import SKINS
from tests.auditing.portraits import portrait

TRAIN, TEST = 24, 8
PLANTED: Mapping[str, set[str]] = {
    "leak": {"test/chef/leak.png", "test/chef/near.jpg"},
    "conflicting_class": {"train/chef/conflict.png", "train/doctor/002.png"},
    "exact_duplicate": {
        "test/chef/leak.png", "train/chef/000.png", "train/chef/conflict.png", "train/doctor/002.png",
    },
    "near_duplicate": {
        "test/chef/near.jpg", "train/chef/001.png", "train/chef/dark.png", "train/chef/003.png", "train/chef/grey.png",
        "train/chef/005.png", "train/chef/wide.png", "train/chef/007.png", "train/doctor/big.png",
        "train/doctor/008.png",
    },
    "blank": {"train/chef/black.png"},
    "dark": {"train/chef/dark.png"},
    "bright": {"train/chef/bright.png"},
    "low_information": {"train/chef/bright.png"},
    "blurry": {"train/chef/blur.png", "train/doctor/big.png"},
    "greyscale": {"train/chef/grey.png", "train/chef/bright.png"},
    "odd_size": {"train/chef/blur.png", "train/doctor/big.png"},
    "odd_aspect_ratio": {"train/chef/wide.png"},
    "unlike_its_class": {"train/doctor/noise.png", "train/chef/black.png", "train/chef/dark.png"},
}  # fmt: skip
"""By issue, the images that have it: an enlarged drawing is blurry too, and a black one is unlike its class."""


def planted(folder: Path) -> Path:
    """Write the set. Nothing in it is damaged."""
    for split, many in (("train", TRAIN), ("test", TEST)):
        for kind in ("chef", "doctor"):
            for row in range(many):
                name = f"{split}/{kind}/{row:03d}.png"
                _put(folder / name, _portrait(split, kind, row))

    first, second = folder / "train" / "chef", folder / "train" / "doctor"
    _put(folder / "test/chef/leak.png", _portrait("train", "chef", 0))
    _put(folder / "test/chef/near.jpg", _portrait("train", "chef", 1))
    _put(first / "conflict.png", _portrait("train", "doctor", 2))
    _put(first / "black.png", Image.new("RGB", (64, 64)))
    _put(first / "dark.png", _portrait("train", "chef", 3).point(lambda value: value // 5))
    _put(first / "bright.png", _portrait("train", "chef", 4).point(lambda value: 245 + value // 26))
    _put(first / "grey.png", _portrait("train", "chef", 5).convert("L"))
    blurred = _portrait("train", "chef", 6).resize((512, 512)).filter(ImageFilter.GaussianBlur(40))
    _put(first / "blur.png", blurred.resize((256, 256)))
    _put(first / "wide.png", _portrait("train", "chef", 7).resize((256, 64)))
    _put(second / "big.png", _portrait("train", "doctor", 8).resize((512, 512)))
    blocks = np.random.default_rng(0).integers(0, 256, (8, 8, 3))
    _put(second / "noise.png", Image.fromarray(np.kron(blocks, np.ones((8, 8, 1))).astype(np.uint8)))
    return folder


def _portrait(split: str, kind: str, row: int) -> Image.Image:
    seed = 100 * (split == "test") + 1000 * (kind == "doctor") + row
    return Image.open(io.BytesIO(portrait(kind, SKINS[row % 3], seed)))


def _put(path: Path, image: Image.Image) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)

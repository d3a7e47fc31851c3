"""Folders of pictures to make images from, and a generator that does."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from synthgen.records import Candidate, Pictures, Rendered


def make_pictures(folder: Path, **classes: int) -> Path:
    """Make a folder with so many pictures of noise for each class, all different."""
    seed = 0
    for name, count in classes.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            seed += 1
            pixels = np.random.default_rng(seed).integers(40, 250, (24, 32, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return folder


class Varying:
    """A `Generator` that gives each picture back, lighter or darker and with some noise, by the candidate's seed.

    Args:
        black: ids of pictures of which only black images come.
    """

    batch_size = 4

    def __init__(
        self, pictures: Pictures, black: Sequence[str] = (), before_batch: Callable[[], object] = lambda: None
    ) -> None:
        self._pictures, self._black, self._before_batch = pictures, black, before_batch

    def setup(self) -> None:
        """Nothing to load."""

    def provenance(self) -> Mapping[str, str]:
        return {"model": "varying", "device": "cpu"}

    def render(self, candidates: Sequence[Candidate]) -> list[Rendered]:
        import torch

        self._before_batch()
        found = []
        for candidate in candidates:
            pixels = np.asarray(self._pictures(candidate).image, np.int16)
            rng = np.random.default_rng(candidate.seed)
            varied = np.clip(pixels + rng.integers(-90, 90) + rng.integers(-30, 30, pixels.shape), 0, 255) * (
                candidate.source not in self._black
            )
            image = torch.from_numpy(varied.astype(np.uint8)).permute(2, 0, 1).contiguous()
            found.append(Rendered(candidate, image, None, 0.01, len(candidates)))
        return found

"""Fakes that keep the contracts: a generator of noise, a judge of brightness, and an encoder that hashes texts."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np

from synthgen.records import Assessment, Candidate, Failure, Reason, Rendered

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from synthgen.judging.measure import ImageBatch

WIDTH = 16
"""How many numbers an embedding of `HashedEncoder` has."""


def make_candidates(count: int, class_name: str = "chef") -> list[Candidate]:
    """Make candidates that differ in attempt, prompt and seed."""
    return [
        Candidate(
            id=f"00000-{attempt:06d}",
            shard=0,
            attempt=attempt,
            cell=class_name,
            class_name=class_name,
            label=0,
            template="a {mood} {class}",
            variables=(("mood", mood := ("happy", "sad")[attempt % 2]),),
            prompt=f"a {mood} {class_name}",
            negative_prompt="",
            seed=1000 + attempt,
        )
        for attempt in range(count)
    ]


def make_batch(count: int, side: int = 64) -> ImageBatch:
    """Make images that differ, with embeddings that do."""
    import torch

    from synthgen.judging.measure import ImageBatch

    rng = np.random.default_rng(0)
    tops = rng.integers(40, 256, count)
    images = np.stack([rng.integers(0, top, (3, side, side), dtype=np.uint8) for top in tops])
    embeddings = rng.normal(size=(count, WIDTH)).astype(np.float32)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    return ImageBatch(torch.from_numpy(images), torch.from_numpy(embeddings), tuple(make_candidates(count)))


class NoiseGenerator:
    """A `Generator` of noise from the candidate's seed, some of it darker. One candidate in 13 fails.

    Args:
        before_batch: called before each batch.
        seconds: how long each image takes.
    """

    def __init__(
        self, batch_size: int = 8, before_batch: Callable[[], object] = lambda: None, seconds: float = 0.0
    ) -> None:
        self.batch_size = batch_size
        self.loads = 0
        self._before_batch, self._seconds = before_batch, seconds

    def setup(self) -> None:
        self.loads += 1

    def render(self, candidates: Sequence[Candidate]) -> list[Rendered]:
        self._before_batch()
        return [self._render(candidate, len(candidates)) for candidate in candidates]

    def provenance(self) -> Mapping[str, str]:
        return {"model": "noise", "device": "cpu"}

    def _render(self, candidate: Candidate, batch_size: int) -> Rendered:
        import torch

        time.sleep(self._seconds)
        rng = np.random.default_rng(candidate.seed)
        if candidate.seed % 13 == 0:
            return Rendered(candidate, None, Failure("not_finite", "NaN in the latents"), 0.01, batch_size)
        brightness = rng.integers(40, 250)
        pixels = rng.integers(0, brightness, (3, 48, 40), dtype=np.uint8)
        return Rendered(candidate, torch.from_numpy(pixels), None, 0.01, batch_size)


class BrightnessJudge:
    """A `Judge` that rejects dark images, and those whose mean is one that it has seen in this shard."""

    score_names = ("brightness", "unmeasured")

    def __init__(self, floor: float = 0.2) -> None:
        self._floor = floor
        self._seen: set[int] = set()

    def setup(self) -> None:
        """Nothing to load."""

    def begin_shard(self) -> None:
        self._seen.clear()

    def assess(self, rendered: Sequence[Rendered]) -> list[Assessment]:
        return [self._assess(one) for one in rendered]

    def provenance(self) -> Mapping[str, str]:
        return {"floor": str(self._floor)}

    def _assess(self, rendered: Rendered) -> Assessment:
        assert rendered.image is not None
        mean = rendered.image.float().mean().item()
        tint = "red" if rendered.image[0].float().mean() > rendered.image[2].float().mean() else "blue"
        return Assessment({"brightness": mean / 255, "unmeasured": float("nan")}, {"tint": tint}, self._reason(mean))

    def _reason(self, mean: float) -> Reason | None:
        if mean / 255 < self._floor:
            return Reason.LABEL
        if round(mean * 4) in self._seen:
            return Reason.DUPLICATE
        self._seen.add(round(mean * 4))
        return None


class HashedEncoder:
    """A judge's CLIP as measures see it, without a model: equal texts get equal embeddings, others unrelated ones."""

    logit_scale = 100.0

    @property
    def device(self) -> torch.device:
        import torch

        return torch.device("cpu")

    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        import torch

        seeds = [int.from_bytes(sha256(text.encode()).digest()[:8], "big") for text in texts]
        rows = np.stack([np.random.default_rng(seed).normal(size=WIDTH) for seed in seeds]).astype(np.float32)
        return torch.from_numpy(rows / np.linalg.norm(rows, axis=1, keepdims=True))

"""Made-up embeddings."""

import numpy as np

RNG = np.random.default_rng(0)


def unit(rows: np.ndarray) -> np.ndarray:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def around(centre: np.ndarray, count: int, width: float, rng: np.random.Generator = RNG) -> np.ndarray:
    return unit(centre + width * rng.normal(size=(count, len(centre))))


CENTRE = unit(RNG.normal(size=(1, 24)))[0]


def names(count: int, prefix: str = "i") -> list[str]:
    return [f"{prefix}{number}" for number in range(count)]

"""How long it takes to find near-duplicates among 10,000 and 100,000 images, and how many an index finds.

uv run python -m tests.benchmarks.near
"""

from time import perf_counter

import numpy as np

from synthgen.dataset.groups import EXACT_COSINES, SAME_HASH, SAME_LOOK, Bond, joined, near_by_cosine, near_by_hash
from synthgen.spec import NearRule

SMALL, LARGE = 10_000, 100_000
CLASSES, WIDTH, PLANTED = 20, 512, 0.05
RULE = NearRule()


def images(count: int) -> tuple[np.ndarray, list[bytes | None]]:
    """Embeddings as a CLIP gives them, in classes, and hashes; one in twenty images nearly repeats another."""
    rng = np.random.default_rng(0)
    common, centres = rng.standard_normal((1, WIDTH)), rng.standard_normal((CLASSES, WIDTH))
    spread = rng.standard_normal((64, WIDTH), np.float32) / 8
    rows = (common + centres[rng.integers(0, CLASSES, count)]).astype(np.float32)
    rows += rng.standard_normal((count, 64), np.float32) @ spread * 0.7
    rows += rng.standard_normal((count, WIDTH), np.float32) * 0.2
    hashes = rng.integers(0, 256, (count, 32), np.uint8)
    order, many = rng.permutation(count), int(PLANTED * count)
    one, other = order[:many], order[many : 2 * many]
    rows[one] = rows[other] + rng.standard_normal((many, WIDTH), np.float32) * 0.2
    hashes[one] = hashes[other]
    hashes[one, 0] ^= 7
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows, [row.tobytes() for row in hashes]


def timed(count: int) -> tuple[float, Bond, np.ndarray]:
    assert RULE.max_bits is not None
    assert RULE.min_cosine is not None
    vectors, hashes = images(count)
    begin = perf_counter()
    by_hash = near_by_hash(SAME_HASH, hashes, RULE.max_bits)
    after = perf_counter()
    by_cosine = near_by_cosine(SAME_LOOK, vectors, RULE.min_cosine)
    end = perf_counter()
    groups = len(set(joined([by_hash, by_cosine], count).tolist()))
    print(f"{count:,} images: hashes {after - begin:.1f} s, embeddings {end - after:.1f} s; {count - groups:,} joined")
    return end - begin, by_cosine, vectors


def recall(found: Bond, vectors: np.ndarray) -> float:
    """The share of the near pairs, found by comparing all, whose images are joined."""
    pairs = right = 0
    for begin in range(0, len(vectors), 1000):
        first, second = np.nonzero(vectors[begin : begin + 1000] @ vectors.T >= RULE.min_cosine)
        later = first + begin < second
        pairs += int(later.sum())
        right += int((found.number[first + begin] == found.number[second])[later].sum())
    return right / pairs


def main() -> None:
    print(f"embeddings of up to {EXACT_COSINES:,} images are all compared")
    small, found, vectors = timed(SMALL)
    print(f"recall against all pairs of {SMALL:,}: {recall(found, vectors):.4f}")
    large, *_ = timed(LARGE)
    print(f"{LARGE:,} against {SMALL:,}: {large / small:.1f} times as long")


if __name__ == "__main__":
    main()

"""How often `evaluate` is right where the truth is known: clouds of points in place of images.

    python -m tests.benchmarks.verdicts [--runs 200]

Two worlds are evaluated so many times, each with sets drawn anew, by the whole of it: copies are looked for, arms are
tuned on validation, the ratio is chosen there, and the verdict is on the test.

- `nothing to gain`: real and synthetic images are of one distribution, and there are so many real ones that more
  add nothing to what nearest neighbours get right. "Helps" and "harms" are false; the goal is at most 5 %. With a
  probe, not even shuffled labels would hurt here, and the experiment would be blind.
- `a gain`: few real images for 64 numbers, so that more of the same distribution add twice the smallest effect of
  interest to what a probe gets right. "Helps" is right; the goal is at least 80 %.

The mean of all differences is what adding truly does, as `evaluate` chooses.
"""

from collections import Counter
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated

import numpy as np
import typer
from scipy.stats import binomtest

from synthgen.evaluating.contract import divide
from synthgen.evaluating.experiment import run_arms
from synthgen.evaluating.findings import UsefulnessFindings, findings_of
from synthgen.evaluating.learners import learner_of
from synthgen.evaluating.looked_set import LookedSet
from synthgen.events import ignore

CLASSES = ("cat", "dog", "hen")
SMALLEST = 0.01


@dataclass(frozen=True, slots=True)
class World:
    """Clouds of points around the corners of a regular simplex, and how many are drawn of each class.

    Attributes:
        noise: their standard deviation; the corners are at 1.
        test: test points in all.
    """

    name: str
    real: int
    synthetic: int
    dimensions: int
    noise: float
    learner: str
    test: int


WORLDS = (
    World("nothing to gain", 700, 700, 3, 0.8, "knn", 1500),
    World("a gain", 240, 1920, 64, 0.7, "probe", 4000),
)


def cloud(world: World, title: str, each: int, rng: np.random.Generator) -> LookedSet:
    """A set with so many points of each class."""
    codes = np.repeat(np.arange(len(CLASSES)), each)
    corners = np.eye(len(CLASSES), world.dimensions)
    vectors = corners[codes] + rng.normal(size=(len(codes), world.dimensions)) * world.noise
    # Embeddings are of length 1: one more dimension keeps what the length said.
    vectors = np.column_stack([vectors, np.full(len(codes), 2.0)])
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    keys = tuple(sha256(row.tobytes()).digest() for row in vectors)
    ids = tuple(f"{title} {row}" for row in range(len(codes)))
    return LookedSet(title, title, ids, tuple(CLASSES[code] for code in codes.tolist()), keys, keys, vectors)


def evaluated(world: World, seed: int) -> UsefulnessFindings:
    """Evaluate sets that are drawn anew."""
    rng = np.random.default_rng([seed, *world.name.encode()])
    real = cloud(world, "real", world.real, rng)
    made = cloud(world, "synthetic", world.synthetic, rng)
    divided = divide(real, made, cloud(world, "test", world.test // len(CLASSES), rng), None, seed)
    trained = run_arms(divided, learner_of(world.learner), 5, seed, ignore)
    return findings_of(divided, trained, world.learner, SMALLEST, seed)


def main(runs: Annotated[int, typer.Option(min=1)] = 200) -> None:
    """Count verdicts, and print them."""
    print(f"{runs} runs of each world, smallest effect {SMALLEST}")
    print("| world | learner | mean difference | helps | harms | cannot tell | blind | left out as copies |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for world in WORLDS:
        found = [evaluated(world, seed) for seed in range(runs)]
        verdicts = Counter(each.verdict.value for each in found)
        differences = [each.decisive.difference.value for each in found if each.decisive.difference is not None]
        copies = sum(len(check.test) + len(check.train) for each in found for check in each.checks) / len(found)
        shares = " | ".join(_share(verdicts[name], runs) for name in ("helps", "harms", "cannot tell"))
        blind = sum(each.blind for each in found)
        print(
            f"| {world.name} | {world.learner} | {np.mean(differences):+.4f} | {shares} | {blind} | {copies:.1f} |",
            flush=True,
        )


def _share(count: int, of: int) -> str:
    interval = binomtest(count, of).proportion_ci(method="wilson")
    return f"{count / of:.3f} ({interval.low:.3f}-{interval.high:.3f})"


if __name__ == "__main__":
    typer.run(main)

"""`python -m tests.benchmarks.audit_undeclared`: how often the search for what nobody declared is wrong, and finds.

Sets are drawn from portraits of the bundled world whose seeds begin at `--first`; only the skin tone is declared. With
the skew 50, glasses and long hair are as frequent in every class, so that everything found is wrong. With the skew 80,
they are on 80 % of the images of every second class, and on 20 % of the others.
"""

from random import Random
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from synthgen.api.judges import ClipJudges
from synthgen.auditing.undeclared.parts import ImageParts
from synthgen.bundled.mixture import even
from synthgen.bundled.world import OCCUPATIONS, SKINS, Person, render
from synthgen.stats.estimates import wilson
from synthgen.stats.undeclared import SplitSearch, find_splits

Rows = NDArray[np.int64]
_AT_ONCE = 64


def portraits(first: int, many: int) -> tuple[list[Person], NDArray[np.float32], ImageParts]:
    """Draw portraits, and what the bundled judge sees in each of them and in its parts."""
    judges = ClipJudges("cpu", False)
    model = judges.open(judges.find("bundled:judge"))
    people, vectors, maps = [], [], []
    for start in range(first, first + many, _AT_ONCE):
        pictures = []
        for seed in range(start, min(start + _AT_ONCE, first + many)):
            rng = Random(seed)
            people.append(even(rng))
            pictures.append(render(people[-1], rng).image)
        vectors.append(model.embed_pictures(pictures))
        maps.append(model.map_pictures(pictures))
    return people, np.concatenate(vectors), ImageParts.of(maps)


def drawn(people: list[Person], images: int, skew: int, rng: np.random.Generator) -> Rows:
    odd = np.array([OCCUPATIONS.index(person.occupation) % 2 for person in people])
    share = np.where(odd, skew, 100 - skew) / 100
    glasses = np.array([person.glasses for person in people])
    long = np.array([person.hair_length == "long" for person in people])
    weight = np.where(glasses, share, 1 - share)
    if skew != 50:
        weight = weight * np.where(long, 3 * share, 1.5 * (1 - share))
    rows: Rows = rng.choice(len(people), images, replace=False, p=weight / weight.sum())
    return rows


def agreement(found: SplitSearch, truth: NDArray[np.bool_]) -> float:
    """Return the highest correlation of a found split with the truth."""
    each = [abs(np.corrcoef(split.upper > 0.5, truth[split.rows])[0, 1]) for split in found.found]
    return float(max(each, default=0.0))


def main(
    portraits_drawn: Annotated[int, typer.Option("--portraits")] = 16_000,
    first: Annotated[int, typer.Option(help="The seed of the first portrait.")] = 1_000_000_000,
    sets: Annotated[int, typer.Option(help="Sets of each kind.")] = 50,
    sizes: Annotated[list[int] | None, typer.Option("--size", help="Images of a set.")] = None,
    skews: Annotated[list[int] | None, typer.Option("--skew", help="In percent; 50 is none.")] = None,
) -> None:
    people, vectors, parts = portraits(first, portraits_drawn)
    views = list(parts.views(vectors))
    kinds = np.array([OCCUPATIONS.index(person.occupation) for person in people])
    skins = np.array([SKINS.index(person.skin) for person in people])
    glasses = np.array([person.glasses for person in people])
    lengths = np.array([person.hair_length for person in people])
    for size in sizes or [1500]:
        for skew in skews or [50, 70, 80]:
            counts = {"something": 0, "glasses": 0, "hair": 0}
            for seed in range(sets):
                rows = drawn(people, size, skew, np.random.default_rng([seed, 7]))
                of = [view[rows] for view in views]
                found = find_splits(of, kinds[rows], [skins[rows]], np.arange(size), seed)
                counts["something"] += bool(found.found)
                counts["glasses"] += agreement(found, glasses[rows]) > 0.8
                counts["hair"] += (
                    max(agreement(found, lengths[rows] == each) for each in ("long", "short", "bald")) > 0.8
                )
            for what, count in counts.items():
                share = wilson(count, sets)
                assert share is not None
                told = f"{count} of {sets} ({share.low:.0%} to {share.high:.0%})"
                print(f"{size} images, skew {skew}: {what} found in {told}", flush=True)


if __name__ == "__main__":
    typer.run(main)

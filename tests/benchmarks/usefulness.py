"""Whether synthetic images help, in a world of which all is known.

    python -m tests.benchmarks.usefulness [--output DIR] [--real 5 --real 20] [--seeds 10] [--each 100]

Real are 5 and 20 renders of each occupation, with the skewed skin tones of the bundled world; the test is 2,000 even
ones, in which what is rare weighs as much as what is common. Synthetic are 600 portraits of `bundled:workers` with even
skin tones in each occupation, as the judge measures them, and what its filters rejected. The rival is what nobody has
elsewhere: as many other real images. The learner is a small network of timm, from scratch, on 32 x 32 pixels, with 100
steps. All arms are printed, whichever way they come out.
"""

import time
from pathlib import Path
from typing import Annotated

import typer

import synthgen
from tests.benchmarks.world_sets import WHO, home, part, print_arms, renders, spec_of, told


def main(
    output: Annotated[Path | None, typer.Option(help="A folder; what it has is not made again.")] = None,
    real: Annotated[list[int] | None, typer.Option(help="Images of a class.", min=5)] = None,
    seeds: Annotated[int, typer.Option(min=5)] = 10,
    each: Annotated[int, typer.Option(min=10, help="Synthetic images of a class.")] = 100,
    learner: str = "timm:test_resnet",
) -> None:
    """Measure, and print a table for each number of real images."""
    folder, began = home(output, "usefulness"), time.monotonic()
    pool, even = renders(folder / "pool", 4000, 1), renders(folder / "even", 2000, 2, even=True)
    more = part(pool, folder / "more-real", after=2000, each=each)
    test = part(even, folder / "test")
    made = synthgen.run(spec_of("balanced", each), folder / "balanced", devices="cpu", on_progress=told)
    print(f"sets: {time.monotonic() - began:.0f} s", flush=True)
    is_network = learner.startswith("timm:")
    for count in real or [5, 20]:
        began = time.monotonic()
        few = part(pool, folder / f"real-{count}", each=count)
        found = synthgen.evaluate(
            few,
            made.folder,
            test=test,
            more_real=more,
            learner=learner,
            image_size=32 if is_network else None,
            steps=100 if is_network else None,
            seeds=seeds,
            group=[WHO],
            device="cpu",
            on_progress=told,
        )
        print(f"## {count} real images of a class, {learner}, {seeds} seeds: {time.monotonic() - began:.0f} s\n")
        print_arms(found)


if __name__ == "__main__":
    typer.run(main)

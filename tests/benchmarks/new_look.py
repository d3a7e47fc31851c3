"""Whether tuning on 20 real images brings a model nearer to a look that it has not seen, and whether that helps.

    python -m tests.benchmarks.new_look [--output DIR] [--seeds 10] [--steps 500]

The look is the bundled world with every hue turned by a third of the circle, which `bundled:workers` never saw. 20 such
renders are the real images. The model is tuned on them, and draws 300 portraits as it was and tuned, the same prompts
and seeds, without filters.

- Nearer: the kernel distance to 1,000 other renders of the look, of as many images, with 95 % intervals.
- Better: a network trained on the 20 with the one set and with the other, tested on 2,000 even renders of the look.
- Memorised: what `tune` counts.
"""

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from PIL import Image

import synthgen
from synthgen.api.evaluated_sets import EvaluationSets, evaluation_looker, look_at_set
from synthgen.bundled.world import OCCUPATIONS
from synthgen.spec.model import BUNDLED_JUDGE
from synthgen.stats.kernels import discrepancy, median_distance
from synthgen.stats.search import Vectors
from tests.benchmarks.world_sets import home, part, print_arms, renders, shown, spec_of, table, told

REAL = dict(zip(OCCUPATIONS, (4, 4, 3, 3, 3, 3), strict=True))
EACH = 50
_TURN = 85
"""Of 256 steps of hue."""


def turned(picture: Image.Image) -> Image.Image:
    """Turn every hue by a third of the circle."""
    hue, saturation, value = picture.convert("HSV").split()
    hue = hue.point([(level + _TURN) % 256 for level in range(256)])
    return Image.merge("HSV", (hue, saturation, value)).convert("RGB")


def vectors_of(folder: Path) -> Vectors:
    """The judge's embeddings of a set."""
    looker, _ = evaluation_looker(BUNDLED_JUDGE, None, "cpu")
    images, texts = EvaluationSets(None, (), None, allow_remote=False).open("real", str(folder))
    return look_at_set("real", images, texts, (), looker, told).vectors


def main(
    output: Annotated[Path | None, typer.Option(help="A folder; what it has is not made again.")] = None,
    seeds: Annotated[int, typer.Option(min=5)] = 10,
    steps: Annotated[int, typer.Option(min=1, help="Of the tuning.")] = 500,
) -> None:
    """Measure, and print the tables."""
    folder = home(output, "new-look")
    pool, even = renders(folder / "pool", 4000, 11), renders(folder / "even", 2000, 12, even=True)
    real = part(pool, folder / "real", each=REAL, change=turned)
    reference = part(pool, folder / "reference", after=1000, most=1000, change=turned)
    test = part(even, folder / "test", change=turned)

    made = synthgen.tune(real, "bundled:workers", folder / "tuned", steps=steps, device="cpu", on_progress=told)
    near = made.to_dict()["memorisation"]
    runs: dict[str, Any] = {}
    for name, adapters in (("untuned", []), ("tuned", [{"id": str(made.folder.resolve())}])):
        model = {"id": "bundled:workers", "steps": 20, "guidance": 2.0} | ({"adapters": adapters} if adapters else {})
        spec = spec_of(name, EACH, model=model, attributes=None, balance=None, filters=None, output=None)
        runs[name] = synthgen.run(spec, folder / f"{name}-run", devices="cpu", on_progress=told).folder

    there = vectors_of(reference)
    rng = np.random.default_rng(0)
    width = median_distance(there)
    rows = []
    for name, place in runs.items():
        drawn = vectors_of(place)
        found = discrepancy(drawn, rng.permutation(there)[: len(drawn)], width, rng)
        rows.append((name, f"{len(drawn)}", shown(found.found), f"{found.chance:.3f}"))
    few = np.concatenate([vectors_of(real)])
    found = discrepancy(few, there[: len(few)], width, rng)
    rows.append(("the 20 real images", f"{len(few)}", shown(found.found), f"{found.chance:.3f}"))
    table(rows, ("set", "images", "kernel distance to the look", "of one source, 19 in 20 stay below"))
    print(f"memorised: {near}\n")

    print_arms(
        synthgen.evaluate(
            real,
            runs["tuned"],
            test=test,
            more_real=runs["untuned"],
            learner="timm:test_resnet",
            image_size=32,
            steps=100,
            seeds=seeds,
            group=["who"],
            device="cpu",
            on_progress=told,
        )
    )
    print("'more real' are the images of the untuned model")


if __name__ == "__main__":
    typer.run(main)

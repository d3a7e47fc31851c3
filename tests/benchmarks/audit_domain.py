"""`python -m tests.benchmarks.audit_domain RUN..`: how often the domain alarm rings on runs of the bundled model.

Images that a run accepted are such as the bundled judge was checked on, though none of them is among those. Sets are
drawn from all runs with replacement; each is compared as an audit does, with distances and with the judge's answers.
"""

import io
from functools import cache
from pathlib import Path
from typing import Annotated

import numpy as np
import pyarrow.parquet as pq
import typer
from numpy.typing import NDArray
from PIL import Image

from synthgen.api.judges import ClipJudges
from synthgen.auditing.domain import compare_domain
from synthgen.auditing.input.checked_on import checked_on
from synthgen.spec import Attribute, read_declared
from synthgen.stats.estimates import wilson

JUDGE = "bundled:judge"


def pictures(runs: list[Path]) -> list[Image.Image]:
    """Read the distinct images of the runs' datasets."""
    found: dict[bytes, Image.Image] = {}
    for run in runs:
        for file in sorted((run / "dataset" / "data").glob("*.parquet")):
            for row in pq.read_table(file, columns=["image"])["image"].to_pylist():
                image = Image.open(io.BytesIO(row["bytes"])).convert("RGB")
                found.setdefault(image.tobytes(), image)
    return list(found.values())


def main(
    attributes: Annotated[Path, typer.Argument(help="A YAML file of attributes, which the judge is asked for.")],
    runs: list[Path],
    sets: Annotated[int, typer.Option(help="Sets drawn of each size.")] = 400,
) -> None:
    judges = ClipJudges("cpu", False)
    judge = judges.find(JUDGE)
    declared, model, known = read_declared(attributes).attributes, judges.open(judge), checked_on(judge)
    assert known is not None

    texts = cache(lambda asked: model.embed_texts(list(asked)))

    def answers(attribute: Attribute, asked: NDArray[np.float32]) -> list[str]:
        return judges.answers(attribute, asked, model.logit_scale, lambda asked: texts(tuple(asked)))

    vectors = model.embed_pictures(pictures(runs))
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    print(f"{len(vectors)} images of {len(runs)} runs")
    rng = np.random.default_rng(1)
    for size in (30, 60, 100, 300, 1000):
        drawn = [vectors[rng.integers(0, len(vectors), size)] for _ in range(sets)]
        found = [compare_domain(each, known, declared, answers) for each in drawn]
        rings = wilson(sum(one is not None and one.alarm is not None for one in found), sets)
        share = np.mean([one.tests[0].here.value for one in found if one is not None])
        assert rings is not None
        print(f"{size:5}  {rings.value:.2%} ({rings.low:.2%} to {rings.high:.2%})  beyond the quantile: {share:.1%}")


if __name__ == "__main__":
    typer.run(main)

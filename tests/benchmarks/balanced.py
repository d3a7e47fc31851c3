"""What aiming prompts and early rejection bring where shares are asked for: each alone, both, and neither.

    python -m tests.benchmarks.balanced [--images 36] [--classes "doctor,nurse"] [--output DIR]
                                             [--compile openvino]

The shares are those of `specs/balanced.yaml`: as many of each skin tone and hair length in each class. `neither`
generates by prompts that name the class alone, and filters: what it makes of the cells that are full is thrown away.
`aiming` has the spec's own prompts, which name what the cells lack. Compute is counted in evaluations of the denoiser
for one image.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import pyarrow.parquet as pq
import typer
import yaml

import synthgen
from tests.benchmarks.world_sets import home, told

SPEC = Path(__file__).parents[2] / "specs" / "balanced.yaml"
STEPS = 20
WAYS = {"neither": (False, False), "early": (False, True), "aiming": (True, False), "both": (True, True)}


def spec_of(images: int, classes: list[str], compiled: str, *, aims: bool, early: bool) -> Mapping[str, object]:
    """Write the spec of one way: one shard."""
    spec: dict[str, Any] = yaml.safe_load(SPEC.read_text())
    assert spec["model"]["steps"] == STEPS, "it is counted in steps"
    spec["model"]["compile"] = compiled
    spec["classes"] = dict.fromkeys(classes, images)
    spec["budget"] = {"attempts_per_image": 400}
    spec["output"] = {"shard_size": images * len(classes)}
    if early:
        spec["filters"]["early"] = "auto"
    if not aims:
        spec["prompts"] = {"templates": ["a portrait of a {class}", "a picture of a {class}"]}
        for attribute in spec["attributes"].values():
            attribute.pop("variable", None)
    return spec


def main(
    images: Annotated[int, typer.Option(min=9, help="Of each class.")] = 36,
    classes: str = "doctor,nurse",
    output: Annotated[Path | None, typer.Option(help="A folder; runs that it has are not made again.")] = None,
    compiled: Annotated[str, typer.Option("--compile", help="As `model.compile`.")] = "off",
) -> None:
    """Make the runs, and print the table."""
    folder = home(output, "balanced")
    print("| way | accepted of attempts | stopped early | evaluations per accepted image | accepted per evaluation |")
    print("| --- | ---: | ---: | ---: | ---: |")
    base = 0.0
    for way, (aims, early) in WAYS.items():
        spec = spec_of(images, classes.split(","), compiled, aims=aims, early=early)
        made = synthgen.run(spec, folder / way, devices="cpu", on_progress=told)
        (ledger,) = (Path(made.folder) / "ledger").glob("*.parquet")
        rows = pq.read_table(ledger).to_pylist()
        stopped = [row["early_step"] for row in rows if row["reason"] == "early"]
        accepted = sum(row["verdict"] == "accepted" for row in rows)
        each = (sum(stopped) + STEPS * (len(rows) - len(stopped))) / accepted
        base = base or each
        ratio = f"{base / each:.2f}"
        print(f"| {way} | {accepted} of {len(rows):,} | {len(stopped):,} | {each:.0f} | {ratio} |", flush=True)


if __name__ == "__main__":
    typer.run(main)

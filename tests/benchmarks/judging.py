"""What the filters and the balance are worth, by the ground-truth reader, which no filter ever asks.

    python -m tests.benchmarks.judging --labels 300 --per-class 90

Puts its tables between the marks of docs/judging.md. With `--labels 12 --per-class 9 --steps 2 --docs FOLDER` it
shows that it runs, and leaves the docs alone.
"""

import csv
import io
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import pandas as pd
import pyarrow.parquet as pq
import torch
import typer
from PIL import Image
from torchvision.transforms.functional import pil_to_tensor

import synthgen
from synthgen import bundled
from synthgen.api import wiring
from synthgen.bundled.reader import Reader, load_reader
from synthgen.errors import QuotaNotMet
from synthgen.planning import draw_candidate
from synthgen.spec import Spec, read_spec
from tests.benchmarks.bundled_figures.measure import rate, read_all
from tests.benchmarks.page import put_into, table

ROOT = Path(__file__).parents[2]
PRECISION, CONFIDENCE = 0.98, 0.95
HAIR = {"short hair": "short", "long hair": "long", "a bald head": "bald"}
"""The spec's values for hair, and the reader's."""


def main(
    labels: Annotated[int, typer.Option(help="Images per class to calibrate with, and as many to measure on.")] = 300,
    per_class: Annotated[int, typer.Option(help="Accepted images per class of the balanced set.")] = 90,
    steps: Annotated[int, typer.Option()] = 20,
    seed: Annotated[int, typer.Option(help="Of the balanced set; its spec was made by looking at seed 0.")] = 1,
    docs: Annotated[Path, typer.Option(help="The folder with judging.md.")] = ROOT / "docs",
) -> None:
    """Measure, and write the tables into the docs."""
    reader = load_reader(bundled.READER)
    size = f"model.steps={steps}"
    quickstart = read_spec(ROOT / "specs" / "quickstart.yaml", [size])
    with tempfile.TemporaryDirectory() as work:
        lines = list(_precision(quickstart, reader, Path(work), labels))
        lines += _balance(per_class, [size, f"seed={seed}"], reader, Path(work))
    lines += _cost(quickstart, batches=20)
    text = "\n".join(lines) + "\n"
    put_into(docs / "judging.md", text)
    print(text)


# Precision


def _precision(spec: Spec, reader: Reader, work: Path, count: int) -> Iterator[str]:
    """A pilot labelled by the reader gives thresholds; another one, with other seeds, shows what they are worth."""
    pilot, other = work / "pilot", work / "other"
    sheet = synthgen.pilot(spec, pilot, count).table
    truth = _occupations(pilot, reader)
    _fill_in(sheet, truth)
    made = synthgen.calibrate(spec, pilot, sheet, PRECISION, CONFIDENCE).calibration
    synthgen.pilot(spec.model_copy(update={"seed": spec.seed + 1000}), other, count)
    ledger = _ledger(other)
    rows = ledger[ledger["verdict"] == "accepted"].copy()  # spare attempts have no pixels to read
    rows["right"] = rows["id"].map(_occupations(other, reader)) == rows["class"]
    floors = {name: each.min_posterior for name, each in made.classes.items()}
    floor = rows["class"].map({name: 2.0 if least is None else least for name, least in floors.items()})
    rows["calibrated"] = rows["score_label_posterior"] >= floor
    kept = int(rows["calibrated"].sum())
    rows["cosine"] = rows["score_clip_score"].rank(ascending=False, method="first") <= kept
    rows["none"] = True

    yield f"**Precision.** A pilot of {count} images per class was labelled by the reader; `synthgen calibrate` asked"
    yield f"for a precision of {PRECISION:g} at a confidence of {CONFIDENCE:g}. The table shows, for {count} other"
    yield "images per class, the share of accepted images that show their class, with Wilson's 95 % interval. The"
    yield "single cosine threshold for all classes is set so that it accepts the same number of images"
    yield f"({kept} of {len(rows)})."
    yield ""
    names = list(spec.classes)
    found = [
        (
            name,
            "not reached" if floors[name] is None else f"{floors[name]:.3f}",
            *(_right(rows, name, way) for way in ("none", "cosine", "calibrated")),
        )
        for name in names
    ]
    found.append(("all", "", *(_right(rows, None, way) for way in ("none", "cosine", "calibrated"))))
    yield from table(["class", "threshold", "no filter", "one cosine threshold", "calibrated"], found)
    yields = [f"{name} {rows[rows['class'] == name]['calibrated'].mean():.0%}" for name in names]
    yield f"Yield of the calibrated thresholds: {', '.join(yields)}."
    yield ""


def _right(rows: pd.DataFrame, name: str | None, way: str) -> str:
    chosen = rows[rows[way] & ((rows["class"] == name) | (name is None))]
    return f"{rate(int(chosen['right'].sum()), len(chosen))} of {len(chosen)}"


def _fill_in(sheet: Path, truth: Mapping[str, str]) -> None:
    with sheet.open(newline="") as file:
        rows = list(csv.DictReader(file))
    with sheet.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows({**row, "right": "yes" if truth[row["id"]] == row["class"] else "no"} for row in rows)


# Balance


def _balance(per_class: int, common: Sequence[str], reader: Reader, work: Path) -> Iterator[str]:
    counts = [f"classes.{name}={per_class}" for name in read_spec(ROOT / "specs" / "balanced.yaml").classes]
    common = [*common, *counts, "budget.attempts_per_image=60"]
    bare = ["attributes.skin_tone.variable=null", "attributes.hair_length.variable=null"]
    bare += ["prompts={templates: ['a {class}', 'a portrait of a {class}']}"]
    ways = {"balanced": common, "bare prompts, no balance": [*common, *bare, "balance=[]"]}
    found = {}
    for way, overrides in ways.items():
        folder = work / way.replace(" ", "-").replace(",", "")
        spec = read_spec(ROOT / "specs" / "balanced.yaml", overrides)
        began = time.perf_counter()
        try:
            synthgen.run(spec, folder)
        except QuotaNotMet as error:
            print(error, file=sys.stderr)
        print(f"{way}: {time.perf_counter() - began:.0f} s", file=sys.stderr)
        found[way] = folder
    skins, hairs = list(spec.attributes["skin_tone"].values), list(spec.attributes["hair_length"].values)
    read = {way: _readings(folder, reader) for way, folder in found.items()}

    yield f"**Balance.** `specs/balanced.yaml` with {per_class} images per class and the seed {spec.seed} asks for"
    yield "uniform skin tones and hair lengths in every class. Shares of accepted images, in percent, by the reader:"
    yield ""
    head = [
        "class",
        *(f"{way}: {' / '.join(values)}" for way in read for values in (skins, [HAIR[hair] for hair in hairs])),
    ]
    rows, worst = [], Counter[str]()
    for name in spec.classes:
        cells: list[str] = []
        for way, of in read.items():
            own = of[of["class"] == name]
            for column, values in (("skin", skins), ("hair_length", [HAIR[hair] for hair in hairs])):
                shares = [100 * float((own[column] == value).mean()) for value in values]
                cells.append(" / ".join(f"{share:.0f}" for share in shares))
                worst[way] = max(worst[way], round(max(abs(share - 100 / 3) for share in shares)))
        rows.append((name, *cells))
    yield from table(head, rows)
    farthest = ", ".join(f"{way} {points}" for way, points in worst.items())
    yield f"Largest difference from a third, in points: {farthest}."
    yield ""
    yield from _steering(found, spec, product(skins, hairs))


def _steering(found: Mapping[str, Path], spec: Spec, cells: Iterator[tuple[str, str]]) -> Iterator[str]:
    """Attempts per image that a cell takes: aimed at it, and among those that aim at nothing but the class."""
    steered, plain = (_ledger(folder) for folder in found.values())
    costs = []
    for name, (skin, hair) in product(spec.classes, list(cells)):
        cell = f"{name}, skin_tone={skin}, hair_length={hair}"
        aimed = steered[steered["cell_aimed"] == cell]
        hits = aimed[(aimed["attribute_skin_tone"] == skin) & (aimed["attribute_hair_length"] == hair)]
        good = int(hits["verdict"].isin(["accepted", "surplus"]).sum())
        own = plain[plain["class"] == name]
        fits = own[(own["attribute_skin_tone"] == skin) & (own["attribute_hair_length"] == hair)]
        lucky = int(fits["verdict"].isin(["accepted", "surplus"]).sum())
        costs.append((cell, len(aimed) / good if good else float("inf"), len(own) / lucky if lucky else None, len(own)))
    rarest = sorted(costs, key=lambda cost: -(cost[2] or float("inf")))[:5]
    yield "**Steering.** How many attempts one good image of a cell takes: with prompts that aim at the cell, and with"
    yield "bare prompts (plain rejection). The table has the five rarest cells:"
    yield ""
    yield from table(
        ["cell", "steered", "plain rejection"],
        [
            (cell, f"{aimed:.1f}", f"{waited:.0f}" if waited else f"none came in {tried}")
            for cell, aimed, waited, tried in rarest
        ],
    )
    full = int((steered["verdict"] == "accepted").sum())
    yield f"The balanced set took {len(steered)} attempts for {full} accepted images."
    yield ""


# Cost


def _cost(spec: Spec, batches: int) -> Iterator[str]:
    planned = synthgen.plan(spec)
    generator, judge = wiring.generator(planned, "auto"), wiring.judge(planned, "auto")
    generator.setup()
    judge.setup()
    generating, judging = [], []
    for number in range(batches + 1):
        judge.begin_shard()
        cells = planned.cells
        first = number * generator.batch_size
        candidates = [
            draw_candidate(planned, 0, attempt, cells[attempt % len(cells)])
            for attempt in range(first, first + generator.batch_size)
        ]
        began = time.perf_counter()
        rendered = generator.render(candidates)
        between = time.perf_counter()
        judge.assess(rendered)
        generating.append(between - began)
        judging.append(time.perf_counter() - between)
    made, looked = median(generating[1:]), median(judging[1:])
    yield f"**Cost.** Taking turns, in batches of {generator.batch_size}, medians of {batches}: making takes"
    yield f"{made:.2f} s, judging {looked:.3f} s, which is {looked / made:.1%} of it (CPU,"
    yield f"{torch.get_num_threads()} threads, float32, {spec.model.steps} steps;"
    yield "every filter and both attributes of the quickstart)."


# What lies in a run


def _ledger(folder: Path) -> pd.DataFrame:
    return pd.read_parquet(folder / "ledger").drop(columns="thumbnail")


def _readings(folder: Path, reader: Reader) -> pd.DataFrame:
    """Per accepted image its id and class, and what the reader sees in it."""
    found: list[dict[str, Any]] = []
    classes = list(synthgen.status(folder)[0].spec.classes)
    for file in sorted((folder / "shards").glob("*.parquet")):
        rows = pq.read_table(file, columns=["id", "image", "label"]).to_pylist()
        readings = read_all(reader, _images(rows))
        found += [
            {"id": row["id"], "class": classes[row["label"]], **reading}
            for row, reading in zip(rows, readings, strict=True)
        ]
    return pd.DataFrame(found)


def _occupations(folder: Path, reader: Reader) -> dict[str, str]:
    readings = _readings(folder, reader)
    return dict(zip(readings["id"], readings["occupation"], strict=True))


def _images(rows: Sequence[Mapping[str, Any]]) -> torch.Tensor:
    return torch.stack([pil_to_tensor(Image.open(io.BytesIO(row["image"]["bytes"]))) for row in rows])


if __name__ == "__main__":
    typer.run(main)

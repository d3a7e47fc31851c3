"""Pictures per second into a dataset, against encoding the same pictures on all cores with nothing else.

    python -m tests.benchmarks.encoding [--images 500] [--side 1024] [--rounds 3] [--image jpeg --quality 95]

The ways take turns, and the median of each is compared. A first round, in which memory is touched for the first time,
is left out:

- `bare`: pictures that are in memory are decoded and encoded by as many threads as there are cores; nothing is kept.
- `finalize`: a run's shards become its dataset of Parquet: read, checked, selected, put in a random order, encoded,
  written, hashed, synced.
- `export`: a dataset of Parquet with the same pictures is exported: read, checked, encoded, written, hashed, synced.

Pictures are portraits of the bundled world, enlarged, with a photograph's noise. They are PNGs, or JPEGs where PNGs are
to be made of them. Read the ratios: the goal is 0.9.
"""

import io
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Annotated, Literal

import numpy as np
import typer
from PIL import Image

import synthgen
from synthgen.cores import cores
from synthgen.dataset.encoding import Encoding, encode
from synthgen.dataset.finalize import finalize
from synthgen.dataset.provenance import Provenance
from synthgen.ledger.table import TableFile
from tests.dataset.shards import CLASSES, IMAGES, PROVENANCE, image_row, portrait

_SHARD = 125


def picture(number: int, side: int, form: str) -> bytes:
    """A portrait of this size, of about the bytes that a photograph has."""
    image = Image.open(io.BytesIO(portrait(number % 8))).convert("RGB").resize((side, side), Image.Resampling.BICUBIC)
    noise = np.random.default_rng(number).normal(0, 3, (side, side, 3))
    file = io.BytesIO()
    made = Image.fromarray((np.asarray(image) + noise).clip(0, 255).astype(np.uint8))
    made.save(file, form, **({"quality": 95} if form == "JPEG" else {}))
    return file.getvalue()


def shards_of(pictures: list[bytes], folder: Path) -> list[Path]:
    """The pictures as a run's shards have them."""
    files = []
    for shard, first in enumerate(range(0, len(pictures), _SHARD)):
        some = pictures[first : first + _SHARD]
        rows = [image_row(shard, place, place % len(CLASSES), data) for place, data in enumerate(some)]
        files.append(folder / f"{shard:05d}.parquet")
        with files[-1].open("wb") as file:
            table = TableFile(file, IMAGES)
            for row in rows:
                table.add(row)
            table.finish()
    return files


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main(
    images: Annotated[int, typer.Option(min=1)] = 500,
    side: Annotated[int, typer.Option(min=16)] = 1024,
    rounds: Annotated[int, typer.Option(min=1)] = 3,
    image: Literal["jpeg", "png", "webp"] = "jpeg",
    quality: Annotated[int, typer.Option(min=0, max=100, help="0 keeps every pixel, as PNG does.")] = 95,
) -> None:
    """Measure in turns, and print medians and ratios."""
    asked = None if image == "png" else quality or None
    encoding = Encoding(image, asked)
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(cores()) as pool:
        folder = Path(name)
        pictures = list(
            pool.map(lambda number: picture(number, side, "JPEG" if image == "png" else "PNG"), range(images))
        )
        sources = shards_of(pictures, folder)
        provenance = Provenance(
            **{key: getattr(PROVENANCE, key) for key in ("model", "judge", "spec", "fingerprint", "tally")},
            encoding=encoding,
        )
        splits = {"train": 0.9, "test": 0.1}
        finalize(sources, folder / "whole", name="whole", classes=CLASSES, splits=splits, provenance=PROVENANCE)
        print(
            f"{images} pictures of {side} x {side}, {sum(map(len, pictures)) / 1e6:.0f} MB, {cores()} cores, {encoding}"
        )

        ways: dict[str, Callable[[], object]] = {
            "bare": lambda: list(pool.map(lambda data: len(encode(data, encoding)), pictures)),  # type: ignore[arg-type]
            "finalize": lambda: finalize(
                sources, folder / "made", name="made", classes=CLASSES, splits=splits, provenance=provenance
            ),
            "export": lambda: synthgen.export(folder / "whole", "parquet", folder / "made", image=image, quality=asked),
        }
        seconds: dict[str, list[float]] = {way: [] for way in ways}
        for number in range(rounds + 1):
            for way, work in ways.items():
                shutil.rmtree(folder / "made", ignore_errors=True)
                os.sync()
                this = timed(work)
                if number:
                    seconds[way].append(this)
        whole = median(seconds["bare"])
        print("| way | seconds | pictures/s | of the bare speed |")
        print("| --- | ---: | ---: | ---: |")
        for way, took in seconds.items():
            print(f"| {way} | {median(took):.2f} | {images / median(took):.1f} | {whole / median(took):.2f} |")


if __name__ == "__main__":
    typer.run(main)

"""A dataset of many small images against pyarrow alone, and one of a million rows: seconds, and the most memory.

    python -m tests.benchmarks.finalizing                # 100,000 pictures of 48 x 48, three rounds, and a million rows
    python -m tests.benchmarks.finalizing --rows 20000 --rounds 2 --many 100000

Each kind of work has a process of its own, and they take turns. pyarrow reads the same shards and writes the same
columns with the same options, in the order in which they are; pyarrow does so with its own options; `finalize` checks
hashes, chooses, puts the rows in a random order, and writes the dataset. Memory is what a process takes beyond its
imports. A first round is not counted. The million rows are written, read in pages of 100 rows one after the other, and
some pages are read by number. About 6 GB of temporary files.
"""

import multiprocessing
import os
import resource
import shutil
import struct
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import typer

from synthgen.dataset.finalize import finalize
from synthgen.dataset.formats.parquet import PAGE_ROWS, parquet_writer
from synthgen.dataset.marking.mark import GENERATED
from synthgen.dataset.marking.marking import Marking
from synthgen.dataset.pictures import digests_of
from synthgen.ledger.columns import FOR_DUPLICATES
from synthgen.spec.marks import Marks
from tests.benchmarks.page import ratio, table
from tests.dataset.shards import CLASSES, IMAGES, PROVENANCE

PER_SHARD = 256
_MIB = 2**20


def png(pixels: bytes, side: int) -> bytes:
    """Encode pixels as a PNG without compressing them: noise does not become smaller."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    lines = b"".join(b"\0" + pixels[row * 3 * side : (row + 1) * 3 * side] for row in range(side))
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(lines, 0)) + chunk(b"IEND", b"")


def write_shards(folder: Path, rows: int, side: int, size: int) -> list[Path]:
    """Write accepted images as a run does, with embeddings of `size` numbers."""
    rng = np.random.default_rng(0)
    folder.mkdir()
    files = []
    for first in range(0, rows, PER_SHARD):
        shard, count = first // PER_SHARD, min(PER_SHARD, rows - first)
        ids = [f"{shard:05d}-{attempt:06d}" for attempt in range(count)]
        pictures = [{"bytes": png(rng.bytes(3 * side**2), side), "path": f"{name}.png"} for name in ids]
        labels = rng.integers(len(CLASSES), size=count)
        embeddings = pa.array(rng.random((count, size)).astype(np.float16).reshape(-1))
        columns = {
            "id": ids,
            "image": pictures,
            "label": labels,
            "prompt": [
                f"a portrait of a {CLASSES[label]}, picture {number % 40}" for number, label in enumerate(labels)
            ],
            "negative_prompt": [""] * count,
            "variables": ['{"skin": "dark"}'] * count,
            "seed": rng.integers(2**53, size=count),
            "score_clip_score": rng.random(count, np.float32),
            "score_label_posterior": rng.random(count, np.float32),
            "attribute_skin_tone": ["dark"] * count,
            "phash": [rng.bytes(32) for _ in ids],
            "embedding": pa.ListArray.from_arrays(np.arange(count + 1, dtype=np.int32) * size, embeddings),
        }
        files.append(folder / f"{shard:05d}-abcdef.parquet")
        strings = [field.name for field in IMAGES if field.type == pa.string() and field.name != "id"]
        pq.write_table(
            pa.table(columns, IMAGES), files[-1], row_group_size=PAGE_ROWS, compression="zstd", use_dictionary=strings
        )
    return files


def rewritten(files: list[Path], target: Path, options: bool) -> None:
    """Write the rows of the shards into one file, with the options of a dataset or pyarrow's own."""
    names = [name for name in IMAGES.names if name not in FOR_DUPLICATES]
    schema = pa.schema([IMAGES.field(name) for name in names])
    with parquet_writer(target, schema) if options else pq.ParquetWriter(target, schema) as writer:
        for file in files:
            for rows in pq.ParquetFile(file).iter_batches(500 if options else 65536, columns=names):
                writer.write_batch(rows)


def finalized(files: list[Path], target: Path, digests: list[str], marks: bool = False) -> None:
    """Make the dataset, with or without a mark in each picture."""
    shares = {"train": 0.9, "test": 0.1}
    made = replace(PROVENANCE, marking=Marking(Marks(), GENERATED, "Bundled", "1" * 40, "f" * 16) if marks else None)
    finalize(files, target, name="many", classes=CLASSES, splits=shares, provenance=made, digests=digests, seed=1)


def read_in_pages(folder: Path, rows: int) -> None:
    """Read every row of a dataset once, in pages of 100, and then some pages by their number."""
    seen = np.zeros(rows, bool)
    for file in sorted((folder / "data").glob("*.parquet")):
        for page in pq.ParquetFile(file).iter_batches(PAGE_ROWS):
            assert all(picture["bytes"] for picture in page["image"].to_pylist())
            seen[page["shard"].to_numpy() * PER_SHARD + page["attempt"].to_numpy()] = True
    assert seen.all(), "every row is there"
    some = f"SELECT id, image FROM '{folder}/data/train-*.parquet' LIMIT 100 OFFSET"
    for page in range(0, int(0.9 * rows) - 100, max(100, rows // 10)):
        assert len(duckdb.connect().execute(f"{some} {page}").fetchall()) == 100


class Process:
    """A process of its own, for one kind of work. Its memory is the most of all the times."""

    def __init__(self, work: Callable[..., None]) -> None:
        self._work = work
        self._pool = multiprocessing.get_context("spawn").Pool(1)
        self._before = self._pool.apply(_most_memory_of_imports)
        self.times: list[float] = []
        self._busy = float("inf")

    def measure(self, *arguments: object) -> None:
        seconds, busy, self._most = self._pool.apply(_timed, (self._work, arguments))
        self.times.append(seconds)
        self._busy = min(self._busy, busy)

    def told(self) -> tuple[str, ...]:
        """Seconds, those of all cores together, and memory."""
        self._pool.close()
        return f"{min(self.times):.1f}", f"{self._busy:.1f}", f"{self._most - self._before:,.0f}"

    def share(self, other: "Process") -> str:
        """The speed of this as a share of another's."""
        times = np.array([*zip(self.times, other.times, strict=True)])
        return ratio(times) if len(times) > 1 else f"{times[0, 1] / times[0, 0]:.2f}"


def _timed(work: Callable[..., None], arguments: tuple[object, ...]) -> tuple[float, float, float]:
    start, busy = time.perf_counter(), time.process_time()
    work(*arguments)
    return time.perf_counter() - start, time.process_time() - busy, _most_memory()


def _most_memory_of_imports() -> float:
    import datasets  # noqa: F401 - the library that each writer takes its options from

    return _most_memory()


def _most_memory() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (_MIB if sys.platform == "darwin" else 1024)


def side_by_side(place: Path, rows: int, side: int, rounds: int) -> Iterator[str]:
    files = write_shards(place / "shards", rows, side, 512)
    digests = digests_of(files)
    ours, marked, same, plain = Process(finalized), Process(finalized), Process(rewritten), Process(rewritten)
    target, size = place / "written", 0.0
    for turn in range(1 + rounds):
        for process, arguments in (
            (ours, (digests,)),
            (same, (True,)),
            (marked, (digests, True)),
            (plain, (False,)),
        ):
            process.measure(files, target, *arguments)
            if not turn:  # to import, and to touch memory for the first time, is no work of either
                process.times.clear()
            if target.is_dir():
                size = sum(file.stat().st_size for file in target.rglob("*.parquet")) / _MIB
                shutil.rmtree(target)
            target.unlink(missing_ok=True)
            os.sync()  # nobody waits for what another wrote
    yield f"{rows:,} images of {side} x {side}, {size:,.0f} MiB, {rounds} rounds in turns"
    yield ""
    yield from table(
        ("", "seconds", "of all cores", "MiB beyond the imports", "speed of `finalize` as a share", "with marks"),
        [
            ("`finalize`", *ours.told(), "", ""),
            ("`finalize` with marks", *marked.told(), "", ""),
            ("pyarrow, same options", *same.told(), ours.share(same), marked.share(same)),
            ("pyarrow, its own options", *plain.told(), ours.share(plain), marked.share(plain)),
        ],
    )


def many_rows(place: Path, rows: int) -> Iterator[str]:
    files = write_shards(place / "many", rows, 4, 8)
    writing, reading = Process(finalized), Process(read_in_pages)
    writing.measure(files, place / "dataset-many", digests_of(files))
    reading.measure(place / "dataset-many", rows)
    yield f"{rows:,} rows with pictures of 4 x 4"
    yield ""
    told = [("written", *writing.told()), ("read in pages", *reading.told())]
    yield from table(("", "seconds", "of all cores", "MiB beyond the imports"), told)


def main(
    rows: Annotated[int, typer.Option(help="Images to compare with; 0 for none.")] = 100_000,
    side: Annotated[int, typer.Option(help="Pixels of a side.")] = 48,
    rounds: Annotated[int, typer.Option(help="How often each is measured.")] = 3,
    many: Annotated[int, typer.Option(help="Rows of the second dataset; 0 for none.")] = 1_000_000,
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for lines in (
            side_by_side(Path(folder), rows, side, rounds) if rows else (),
            many_rows(Path(folder), many) if many else (),
        ):
            print("\n".join(lines), flush=True)


if __name__ == "__main__":
    typer.run(main)

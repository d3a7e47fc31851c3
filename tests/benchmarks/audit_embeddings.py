"""Near-duplicates among many embeddings: exact search in blocks beside an approximate index, in turns.

    uv run --with usearch python -m tests.benchmarks.audit_embeddings

Without usearch only the exact search is measured.
"""

import os
import time
import tracemalloc
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from synthgen.stats.search import alike_within
from tests.benchmarks.page import put_into, table

ROOT = Path(__file__).parents[2]
THRESHOLD = 0.98


def embeddings(count: int, width: int, seed: int = 0) -> np.ndarray:
    """Unit rows in 200 groups, as classes and prompts make them; each hundredth row nearly repeats another."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(200, width)).astype(np.float32)
    rows = centres[rng.integers(0, 200, count)] + 0.8 * rng.normal(size=(count, width)).astype(np.float32)
    copies = rng.choice(count, count // 100, replace=False)
    noise = rng.uniform(0.02, 0.25, (len(copies), 1)).astype(np.float32)
    rows[copies] = rows[rng.integers(0, count, len(copies))] + noise * rng.normal(size=(len(copies), width))
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def approximate(rows: np.ndarray) -> tuple[set[tuple[int, int]], int]:
    """The pairs, and the bytes of the index."""
    from usearch.index import Index

    index = Index(ndim=rows.shape[1], metric="cos", dtype="f32")
    index.add(np.arange(len(rows)), rows)
    matches = index.search(rows, 10)
    pairs = set()
    for place, (keys, distances) in enumerate(zip(matches.keys, matches.distances, strict=True)):
        for key, distance in zip(keys, distances, strict=True):
            if key != place and 1 - distance >= THRESHOLD:
                pairs.add((min(place, int(key)), max(place, int(key))))
    return pairs, index.memory_usage


def peak(rows: np.ndarray) -> int:
    """Bytes that the exact search takes beside the embeddings; measured on its own, for that takes time."""
    tracemalloc.start()
    alike_within(rows, np.zeros(len(rows), np.int64), THRESHOLD, keep=len(rows))
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found


def main(
    count: Annotated[int, typer.Option(help="Embeddings.")] = 100_000,
    width: Annotated[int, typer.Option(help="Their dimensions.")] = 512,
    docs: Annotated[Path, typer.Option(help="The folder with audit-embeddings.md.")] = ROOT / "docs",
) -> None:
    """Measure, and write the table into the docs."""
    rows = embeddings(count, width)
    began = time.perf_counter()
    exact = alike_within(rows, np.zeros(count, np.int64), THRESHOLD, keep=count)
    seconds = time.perf_counter() - began
    found = [("exact, in blocks", f"{seconds:.0f} s", f"{exact.found:,}", "100 %", f"{peak(rows) / 2**20:.0f} MiB")]
    if find_spec("usearch"):
        began = time.perf_counter()
        pairs, size = approximate(rows)
        taken = time.perf_counter() - began
        true = set(zip(exact.first.tolist(), exact.second.tolist(), strict=True))
        recall = f"{len(pairs & true) / len(true):.1%}".replace("%", " %")
        name = f"usearch, HNSW ({taken / seconds:.1f} times the time)"
        found.append((name, f"{taken:.0f} s", f"{len(pairs):,}", recall, f"{size / 2**20:.0f} MiB"))
    text = f"Near-duplicates among {count:,} embeddings of {width} dimensions, on {os.cpu_count()} cores:\n\n"
    text += "\n".join(table(["search", "time", "pairs found", "recall", "memory besides the embeddings"], found)) + "\n"
    put_into(docs / "audit-embeddings.md", text)
    print(text)


if __name__ == "__main__":
    typer.run(main)

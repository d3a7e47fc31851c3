"""Near-duplicates in whole sets: the audit's search beside comparing every pair, in turns, and how both grow.

    OPENBLAS_NUM_THREADS=1 uv run python -m tests.benchmarks.audit_embeddings
    OPENBLAS_NUM_THREADS=1 uv run --with faiss-cpu python -m tests.benchmarks.audit_embeddings --repeats 3

Times are the CPU time of this process, so that a crowded machine changes them less. With one thread they compare.
"""

import time
import tracemalloc
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, TypeVar

import numpy as np
import typer

from synthgen.auditing.embeddings.near import search_check
from synthgen.stats.estimates import Estimate
from synthgen.stats.search import alike_to_drawn
from synthgen.stats.twins import twins_within
from tests.benchmarks.page import put_into, table

Found = TypeVar("Found")
ROOT = Path(__file__).parents[2]
THRESHOLD = 0.98
_BLOCK = 50_000
_ROWS = 1000
"""Of so many rows, every pair is compared by brute force; the time of all rows follows from that."""


def like_clip(count: int, width: int, seed: int = 0) -> np.ndarray:
    """Unit rows with a strong common direction, and prompts of 400 images as clusters; each 25th row is a twin."""
    rng = np.random.default_rng(seed)
    spectrum = (np.arange(1, width + 1) ** -0.75).astype(np.float32)
    spectrum /= np.linalg.norm(spectrum)
    common = rng.normal(size=width).astype(np.float32) / np.sqrt(width)
    kinds = 0.45 * rng.normal(size=(20, width)).astype(np.float32) * spectrum
    prompts = max(40, count // 400)
    centres = kinds[rng.integers(0, 20, prompts)] + 0.35 * rng.standard_normal((prompts, width), np.float32) * spectrum

    rows = np.empty((count, width), np.float32)
    for begin in range(0, count, _BLOCK):
        size = min(_BLOCK, count - begin)
        noise = 0.45 * rng.standard_normal((size, width), np.float32) * spectrum
        rows[begin : begin + size] = common + centres[rng.integers(0, prompts, size)] + noise
    _scale(rows)

    twins = rng.choice(count, count // 25, replace=False)
    noise = rng.standard_normal((len(twins), width), np.float32) / np.sqrt(width)
    noise[::2] = rng.standard_normal((len(twins[::2]), width), np.float32) * spectrum  # as other images differ
    rows[twins] = rows[rng.integers(0, count, len(twins))] + rng.uniform(0.02, 0.2, (len(twins), 1)) * noise
    _scale(rows)
    return rows


def in_groups(count: int, width: int, seed: int = 0) -> np.ndarray:
    """Unit rows in 200 groups without a common direction; each hundredth row nearly repeats another."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(200, width)).astype(np.float32)[rng.integers(0, 200, count)]
    for begin in range(0, count, _BLOCK):
        size = min(_BLOCK, count - begin)
        rows[begin : begin + size] += 0.8 * rng.standard_normal((size, width), np.float32)
    copies = rng.choice(count, count // 100, replace=False)
    noise = rng.uniform(0.02, 0.25, (len(copies), 1)).astype(np.float32)
    rows[copies] = rows[rng.integers(0, count, len(copies))] + noise * rng.standard_normal((len(copies), width))
    _scale(rows)
    return rows


def _scale(rows: np.ndarray) -> None:
    rows /= np.sqrt(np.einsum("ij,ij->i", rows, rows))[:, None]


def seconds(of: Callable[[], Found]) -> tuple[float, Found]:
    began = time.process_time()
    found = of()
    return time.process_time() - began, found


def brute_force(rows: np.ndarray, drawn: np.ndarray) -> object:
    """Compare some rows with all, block by block, in numpy."""
    return alike_to_drawn(rows, np.zeros(len(rows), np.int64), drawn, THRESHOLD)


def flat(rows: np.ndarray, drawn: np.ndarray) -> object:
    """The same with faiss, without the time that its index takes to copy the rows."""
    import faiss  # type: ignore[import-not-found]

    faiss.omp_set_num_threads(1)
    return faiss.knn(rows[drawn], rows, 2, metric=faiss.METRIC_INNER_PRODUCT)


def measured(name: str, rows: np.ndarray, repeats: int) -> tuple[float, tuple[str, ...]]:
    """Search in turns with the peers; return the median time, and a row of the table."""
    count, drawn = len(rows), np.sort(np.random.default_rng(1).choice(len(rows), _ROWS, replace=False))
    peers = [brute_force] + [flat] * bool(find_spec("faiss"))
    times: list[list[float]] = [[] for _ in range(1 + len(peers))]
    memory = 0
    for _ in range(repeats):
        tracemalloc.start()
        taken, found = seconds(
            lambda: twins_within(rows, np.zeros(count, np.int64), THRESHOLD, most_compared=count - 1)
        )
        memory = max(memory, tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        times[0].append(taken)
        for place, peer in enumerate(peers, 1):
            times[place].append(seconds(lambda peer=peer: peer(rows, drawn))[0] * count / _ROWS / 2)  # type: ignore[misc]

    own, *others = (float(np.median(each)) for each in times)
    check = search_check(found)
    assert check is not None
    ratios = " / ".join(f"{other / own:.0f}" for other in others)
    share = f"{100 * found.anywhere.mean():.1f} %"
    recalls = (_percents(each) for each in (check.recall, check.partners))
    return own, (
        name,
        f"{count:,}",
        f"{own:.0f} s",
        ratios,
        str(found.trees),
        share,
        *recalls,
        f"{memory // 2**20} MiB",
    )


def _percents(found: Estimate | None) -> str:
    return f"{100 * found.value:.1f} ({100 * found.low:.1f}-{100 * found.high:.1f}) %" if found else "none drawn"


def _rows(counts: list[int], width: int, repeats: int) -> Iterator[tuple[str, ...]]:
    for name, made in (("like CLIP's", like_clip), ("200 groups", in_groups)):
        taken = []
        for count in counts:
            own, row = measured(name, made(count, width), repeats)
            taken.append(own)
            print(" | ".join(row), flush=True)
            yield (*row, f"{own / taken[0]:.1f}" if count > counts[0] else "")


def main(
    counts: Annotated[str, typer.Option(help="Numbers of embeddings.")] = "100000,1000000",
    width: Annotated[int, typer.Option(help="Their dimensions.")] = 512,
    repeats: Annotated[int, typer.Option(help="Runs of each; the median counts.")] = 1,
    docs: Annotated[Path, typer.Option(help="The folder with audit-embeddings.md.")] = ROOT / "docs",
) -> None:
    """Measure, and write the table into the docs."""
    heads = (
        "embeddings",
        "number",
        "CPU time",
        "times faster than every pair (numpy / faiss)"
        if find_spec("faiss")
        else "times faster than every pair (numpy)",
        "trees",
        "images marked",
        "recall of images",
        "share of their partners",
        "memory besides",
        "growth",
    )
    found = list(_rows([int(each) for each in counts.split(",")], width, repeats))
    text = f"Near-duplicates by the index, {width} dimensions, CPU time of one thread, {repeats} run(s):\n\n"
    text += "\n".join(table(list(heads), found)) + "\n"
    put_into(docs / "audit-embeddings.md", text)
    print(text)


if __name__ == "__main__":
    typer.run(main)

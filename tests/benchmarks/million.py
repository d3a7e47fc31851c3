"""Near-duplicates, and an audit of known columns, at 100,000 and 1,000,000 rows: time, growth, recall and memory.

    OMP_NUM_THREADS=2 uv run python -m tests.benchmarks.million
    OMP_NUM_THREADS=2 uv run --with faiss-cpu python -m tests.benchmarks.million --rounds 3

Each measurement has a process of its own, so that its memory is its own, and they take turns. Every way searches the
same embeddings, and its recall is that of the same rows, compared with all others. faiss searches its inverted lists
(`IndexIVFFlat`) by range; the search of some rows is timed, and that of all follows from it.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer

from synthgen.stats.search import alike_to_drawn
from synthgen.stats.twins import twins_within
from tests.benchmarks.audit_embeddings import THRESHOLD, in_groups, like_clip
from tests.benchmarks.page import table
from tests.command import command_line

ROOT = Path(__file__).parents[2]
MADE = {"like CLIP's": like_clip, "200 groups": in_groups}
PROBES = (1, 4)
_DRAWN, _TIMED = 2000, 20_000


def main(
    counts: Annotated[str, typer.Option(help="Numbers of rows, the smallest first.")] = "100000,1000000",
    width: Annotated[int, typer.Option(help="Numbers of an embedding.")] = 512,
    classes: Annotated[str, typer.Option(help="Numbers of classes of the audits.")] = "6,100",
    rounds: Annotated[int, typer.Option(help="Runs of each, in turns; the median counts.")] = 1,
) -> None:
    """Print two tables in Markdown."""
    sizes = [int(each) for each in counts.split(",")]
    ways = ["synthgen"] + [f"faiss, {probes} lists" for probes in PROBES] * bool(find_spec("faiss"))
    searches = [("search", name, way, size, width) for name, way, size in product(MADE, ways, sizes)]
    audits = [("audited", int(each), "", size, 4) for each, size in product(classes.split(","), sizes)]
    found: dict[tuple[object, ...], list[dict[str, float]]] = {each: [] for each in (*searches, *audits)}
    for _ in range(rounds):
        for each, done in found.items():
            done.append(_apart(*each))
            print(*each, done[-1], file=sys.stderr, flush=True)
    heads = ["rows", "seconds", "growth", "CPU seconds", "recall", "GiB beyond the rows"]
    print("\n".join(table(["embeddings", "way", *heads], [_row(found, each, sizes[0]) for each in searches])))
    heads = ["rows", "seconds", "growth", "CPU seconds", "peak GiB"]
    print("\n".join(table(["classes", *heads], [_row(found, each, sizes[0]) for each in audits])))


def _row(
    found: dict[tuple[object, ...], list[dict[str, float]]], of: tuple[object, ...], least: int
) -> tuple[object, ...]:
    kind, name, way, size, last = of
    here, first = (
        {key: float(np.median([each[key] for each in found[which]])) for key in found[which][0]}
        for which in (of, (kind, name, way, least, last))
    )
    growth = "" if size == least else f"{here['wall'] / first['wall']:.1f}"
    times = (f"{size:,}", f"{here['wall']:.1f}", growth, f"{here['cpu']:.1f}")
    if kind == "audited":
        return (name, *times, f"{here['peak']:.2f}")
    return (name, way, *times, f"{here['recall']:.4f}", f"{here['peak'] - here['before']:.2f}")


def _apart(of: object, *arguments: object) -> dict[str, float]:
    """Run one of the functions below in a process of its own."""
    code = f"from tests.benchmarks import million; million.{of}(*{arguments!r})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return told


def search(name: str, way: str, count: int, width: int) -> None:
    """Search the near-duplicates; the recall is the share of drawn rows with one for which one was found."""
    rows = MADE[name](count, width)
    drawn = np.sort(np.random.default_rng(1).choice(count, min(count, _DRAWN), replace=False))
    classes = np.zeros(count, np.int64)
    truth = alike_to_drawn(rows, classes, drawn, THRESHOLD).anywhere
    before, wall, cpu = _peak(), time.perf_counter(), time.process_time()
    if way == "synthgen":
        found = twins_within(rows, classes, THRESHOLD, most_compared=min(count - 1, 8192)).anywhere[drawn]
        told = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    else:
        found, told = _faiss(rows, drawn, int(way.split()[1]))
    print(json.dumps({**told, "recall": float(found[truth].mean()), "before": before, "peak": _peak()}))


def _faiss(rows: np.ndarray, drawn: np.ndarray, probes: int) -> tuple[np.ndarray, dict[str, float]]:
    import faiss  # type: ignore[import-not-found]

    count, width = rows.shape
    lists, timed = int(count**0.5), min(count, _TIMED)
    wall, cpu = time.perf_counter(), time.process_time()
    index = faiss.IndexIVFFlat(faiss.IndexFlatIP(width), width, lists, faiss.METRIC_INNER_PRODUCT)
    index.train(rows[: 64 * lists])
    index.add(rows)
    index.nprobe = probes
    built, built_cpu = time.perf_counter(), time.process_time()
    index.range_search(rows[:timed], THRESHOLD)
    end, end_cpu = time.perf_counter(), time.process_time()
    limits, _, _ = index.range_search(rows[drawn], THRESHOLD)
    share = count / timed
    told = {
        "wall": built - wall + (end - built) * share,
        "cpu": built_cpu - cpu + (end_cpu - built_cpu) * share,
    }
    return np.diff(limits.astype(np.int64)) > 1, told


def audited(classes: int, _: str, count: int, attributes: int) -> None:
    """Audit a Parquet file with known columns and no pictures by the command, which is imported already."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "set.parquet"
        names = _write(path, count, classes, attributes)
        told = [f"--known={name}={name}" for name in names] + [f"--target={name}=uniform" for name in names]
        told += [f"--gate={name} within class: tv <= 0.1" for name in names]
        wall, cpu = time.perf_counter(), time.process_time()
        code = command_line(["audit", str(path), *told, "-o", str(Path(folder) / "out"), "--allow-insufficient", "-q"])
        end, end_cpu = time.perf_counter(), time.process_time()
        assert code in {0, 4}, f"exit code {code}"
    print(json.dumps({"wall": end - wall, "cpu": end_cpu - cpu, "peak": _peak()}))


def _write(path: Path, count: int, classes: int, attributes: int) -> list[str]:
    rng = np.random.default_rng(0)
    values = {f"attribute{index}": tuple("abcde"[: 2 + index]) for index in range(attributes)}
    frame = pd.DataFrame({"id": np.arange(count).astype(str)})
    frame["label"] = rng.choice([f"class{index:04}" for index in range(classes)], count)
    frame["prompt"] = "a portrait, number " + pd.Series(rng.integers(0, max(count // 20, 1), count).astype(str))
    for name, own in values.items():
        frame[name] = rng.choice([*own, "unknown"], count)
    frame.to_parquet(path, index=False)
    return list(values)


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
    typer.run(main)

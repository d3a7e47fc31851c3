"""What running in many shards and on several workers costs.

    python -m tests.benchmarks.scaling --repeats 3

Puts its tables between the marks of docs/speed.md. Ways that are compared take turns; loading models counts for none.
Nothing fails on a time.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Annotated

import typer

import synthgen
from synthgen.api.making import make_shards
from synthgen.events import ClassProgress, Progress
from synthgen.running import Assignment, Outcome, Slot, read_state, run_local
from synthgen.spec import Spec, read_spec
from synthgen.store import FolderStore
from tests.benchmarks.page import put_into, table

ROOT = Path(__file__).parents[2]
SHARDS, NOTHING = 64, 2000


def main(
    repeats: Annotated[int, typer.Option(help="Measurements of each way.")] = 3,
    steps: Annotated[int, typer.Option(help="Of the runs on several workers.")] = 20,
    docs: Annotated[Path, typer.Option(help="The folder with speed.md.")] = ROOT / "docs",
) -> None:
    """Measure, and write the tables into the docs."""
    with tempfile.TemporaryDirectory() as work:
        lines = [*_workers(Path(work), repeats, steps), *_executor(Path(work), repeats), *_planning(Path(work))]
        lines += _status(Path(work))
    text = "\n".join(lines) + "\n"
    put_into(docs / "speed.md", text)
    print(text)


def quickstart(*overrides: str) -> Spec:
    return read_spec(ROOT / "specs" / "quickstart.yaml", overrides)


def counts_of(images: int) -> list[str]:
    """Overrides that divide `images` among the classes."""
    names = list(quickstart().classes)
    return [
        f"classes.{name}={images // len(names) + (images % len(names) > place)}" for place, name in enumerate(names)
    ]


# One worker of two threads, or two of one.


def _workers(work: Path, repeats: int, steps: int) -> Iterator[str]:
    spec = quickstart(
        *(f"classes.{name}=12" for name in quickstart().classes), "output.shard_size=6", f"model.steps={steps}"
    )
    one, two = _in_turns(spec, work / "workers", ("cpu", "cpu:2"), repeats)
    yield "Two workers of one thread each against one of two threads,"
    yield f"{spec.total} images in 12 shards, medians of {repeats}:"
    yield ""
    yield from table(
        ["workers", "seconds", "against one worker"],
        [
            ["one, two threads (`--devices cpu`)", f"{one:.1f}", "1"],
            ["two, one thread each (`cpu:2`)", f"{two:.1f}", f"{one / two:.2f} times as fast"],
        ],
    )


def _in_turns(spec: Spec, work: Path, ways: Sequence[str], repeats: int) -> list[float]:
    """The median seconds of each way."""
    seconds = [[_in_a_process(spec, work / f"{turn}-{way}", way) for way in ways] for turn in range(repeats)]
    return [median(of_way) for of_way in zip(*seconds, strict=True)]


def _in_a_process(spec: Spec, folder: Path, devices: str) -> float:
    """Seconds from the first batch to the last commit of a run of its own."""
    program = "import sys; from tests.benchmarks.scaling import timed_run; timed_run(*sys.argv[1:])"
    synthgen.begin(spec, folder)
    command = [sys.executable, "-c", program, str(folder), devices]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return float(done.stdout)


def timed_run(folder: str, devices: str) -> None:
    """Make the shards of a run, and print the seconds from the first batch to the last commit.

    `pool` stands for one worker process fed by the local executor, `cpu` for the worker in this process.
    """
    store = FolderStore(folder)
    shards = range(synthgen.status(Path(folder))[0].shard_count)
    clock = Clock()
    if devices == "cpu":
        make_shards(folder, shards, "cpu", clock)
    elif devices == "pool":
        run_local(make_shards, store, shards, [Slot("cpu", {})], on_progress=clock)
    else:
        slots = [Slot("cpu", {"OMP_NUM_THREADS": "1"})] * 2
        run_local(make_shards, store, shards, slots, on_progress=clock)
    print(clock.seconds)


class Clock:
    """From the first word of progress to the last."""

    def __init__(self) -> None:
        self._began: float | None = None
        self.seconds = 0.0

    def __call__(self, progress: Progress) -> None:
        self._began = self._began or time.perf_counter()
        self.seconds = time.perf_counter() - self._began


# The executor against the worker without it.


def _executor(work: Path, repeats: int) -> Iterator[str]:
    spec = quickstart(
        *counts_of(2 * SHARDS),
        "output.shard_size=2",
        "model.steps=4",
        "filters.duplicates=null",
        "filters.label.min_posterior=0.1",
    )
    alone, pool = _in_turns(spec, work / "executor", ("cpu", "pool"), repeats)
    yield "The worker in the program's own process, compared with the same worker in a process fed by the executor,"
    yield f"{spec.total} images in {SHARDS} shards at {spec.model.steps} steps, medians of {repeats}:"
    yield ""
    yield from table(
        ["way", "seconds", "against in-process"],
        [["in-process", f"{alone:.1f}", "1"], ["one worker of the pool", f"{pool:.1f}", f"{pool / alone - 1:+.1%}"]],
    )
    yield from _handing_out(work / "nothing", alone)


def _handing_out(folder: Path, alone: float) -> Iterator[str]:
    """What is left of the executor's cost where a worker makes nothing, and no noise of rendering hides it."""
    folder.mkdir()
    clock = Clock()
    run_local(make_nothing, FolderStore(folder), range(NOTHING), [Slot("cpu", {})], on_progress=clock)
    each = clock.seconds / NOTHING
    yield f"The executor alone, with {NOTHING:,} empty shards, for which the worker sends the same messages as for real"
    yield f"ones: {1000 * each:.2f} ms per shard. For {SHARDS} shards that is {SHARDS * each / alone:.2%} of the"
    yield f"{alone:.1f} s in-process."
    yield ""


def make_nothing(
    location: str,
    shards: Iterable[int | Assignment],
    device: str,
    on_progress: Callable[[Progress], None],
    stop: Callable[[], bool],
) -> Outcome:
    """Take each shard, tell of a batch and of a commit, and ask for the next."""
    made = []
    classes = {name: ClassProgress(1, 2, 16) for name in quickstart().classes}
    for shard in shards:
        assert isinstance(shard, Assignment), "the executor hands out assignments"
        for committed in (False, True):
            stop()
            on_progress(Progress(shard.shard, classes, 4.0, committed, tuple(range(16))))
        made.append(shard.shard)
    return Outcome(tuple(made), (), (), ())


# Planning, from small to huge.


def _planning(work: Path) -> Iterator[str]:
    first = """
import sys
from pathlib import Path
from synthgen.plan import Filling, Revisions, make_plan
from synthgen.spec import read_spec

plan = make_plan(read_spec(Path(sys.argv[1]), sys.argv[2:]), Revisions("a", "b"))
Filling(plan, plan.shard(plan.shard_count - 1)).propose(plan.window)
"""
    rows = []
    for images in (1_000, 100_000, 10_000_000):
        counts = counts_of(images)
        spec = str(ROOT / "specs" / "quickstart.yaml")
        told = [
            sys.executable,
            "-m",
            "synthgen",
            "plan",
            spec,
            *(part for count in counts for part in ("--set", count)),
        ]
        plan_seconds, plan_memory = measured(told)
        seconds, memory = measured([sys.executable, "-c", first, spec, *counts])
        rows.append(
            [f"{images:,}", f"{plan_seconds:.2f} s", f"{plan_memory:.0f} MB", f"{seconds:.2f} s", f"{memory:.0f} MB"]
        )
    yield "Planning, each time in a new process, including the start of Python:"
    yield ""
    yield from table(
        ["images", "`synthgen plan`", "peak memory", "to the last shard's first batch of prompts", "peak memory"], rows
    )


def measured(command: Sequence[str]) -> tuple[float, float]:
    """Seconds of wall clock, and the peak memory in MB: the least of three."""
    # A process inherits the peak of the one that forked it: a small one stands between.
    between = """
import json, resource, subprocess, sys, time

began = time.perf_counter()
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
seconds = time.perf_counter() - began
print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024]))
"""
    call = [sys.executable, "-c", between, *command]
    done = [subprocess.run(call, cwd=ROOT, capture_output=True, text=True, check=True) for _ in range(3)]
    seconds, peaks = zip(*(json.loads(one.stdout) for one in done), strict=True)
    return min(seconds), min(peaks)


# The state of a huge run.


def _status(work: Path) -> Iterator[str]:
    rows = []
    for shards in (100, 1_000, 10_000):
        folder = work / f"status-{shards}"
        fill(folder, shards)
        seconds, memory = measured([sys.executable, "-m", "synthgen", "status", str(folder)])
        rows.append([f"{shards:,}", f"{seconds:.2f} s", f"{memory:.0f} MB"])
    yield "`synthgen status` of a run, all shards committed, including the start of Python:"
    yield ""
    yield from table(["shards", "time", "peak memory"], rows)


def fill(folder: Path, shards: int) -> None:
    """A run of `shards` committed shards: markers as they are, their files empty."""
    plan = synthgen.begin(
        quickstart(*counts_of(2 * shards), "output.shard_size=2"),
        folder,
    )
    assert plan.shard_count == shards
    for kind in ("shards", "ledger", "done"):
        (folder / kind).mkdir()
    for shard in range(shards):
        files = {}
        for kind, key in (("shards", "images"), ("ledger", "ledger")):
            name = f"{kind}/{shard:05d}-{shard:016x}.parquet"
            (folder / name).touch()
            files[key] = {"name": name, "size": 0, "sha256": "0" * 64}
        counts = {"accepted": 2, "rejected": 10, "surplus": 4}
        marker = {"shard": shard, "fingerprint": plan.fingerprint, **files, "counts": counts, "reasons": {"label": 10}}
        (folder / f"done/{shard:05d}.json").write_text(json.dumps({**marker, "shortfalls": [], "seconds": 3.0}))
    assert read_state(plan, FolderStore(folder)).complete


if __name__ == "__main__":
    typer.run(main)

"""What a run does beside rendering, by fakes: how much of it the denoiser waits for.

    python -m tests.benchmarks.beside [--batches 60] [--images 320] [--rounds 3]

Both tables are of real calls of `synthgen.running.work`, from the plan to the commit of a shard. Ways take turns, and
the median of each is compared. What is imported and loaded once is left out:

- A GPU's pace: rendering, judging and encoding a batch only sleep, for 200, 60 and 80 ms. `beside` renders the next
  batch while the last one is judged; `in turn` waits for the judge. The figure is the wall time as a multiple of the
  sum of rendering. The goal is 1.05.
- A generator that costs nothing hands over pictures of 1024 x 1024, and the judge hashes them as synthgen's own does.
  `encoding alone` writes the same pictures as PNG in memory, by as many threads as there are cores. The goal is 0.9
  of its speed, and under 5 ms of the worker's own thread for each image.
"""

import io
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from statistics import median
from typing import Annotated
from unittest.mock import patch

import numpy as np
import torch
import typer
from PIL import Image

from synthgen.cores import cores
from synthgen.planning import Plan, Revisions, make_plan
from synthgen.records import Assessment, Candidate, Rendered
from synthgen.running import create_run, open_run, work
from synthgen.running.shard.encode import Pixels, png
from synthgen.spec import parse_spec
from synthgen.stats.near_hashes import perceptual_hash
from synthgen.store import open_store
from tests.dataset.shards import portrait

SPEC = """\
synthgen: 1
name: beside
model: {{id: owner/name, steps: 20}}
classes: {{worker: {count}}}
prompts: {{templates: ["a {{class}}"]}}
output: {{shard_size: {count}, surplus: drop}}
"""
BATCH = 8
RENDER, JUDGE, ENCODE = 0.2, 0.06, 0.08
"""Seconds for each batch."""


@dataclass
class Painter:
    """A generator that hands over pictures, after so many seconds for each batch."""

    pictures: Sequence[torch.Tensor]
    overlaps: bool
    seconds: float = 0.0
    batch_size: int = BATCH
    rendering: float = field(default=0.0, init=False)

    def setup(self) -> None:
        """Nothing to load."""

    def render(self, candidates: Sequence[Candidate]) -> list[Rendered]:
        began = time.perf_counter()
        time.sleep(self.seconds)
        found = [
            Rendered(one, self.pictures[one.attempt % len(self.pictures)], None, 0.0, len(candidates))
            for one in candidates
        ]
        self.rendering += time.perf_counter() - began
        return found

    def provenance(self) -> dict[str, str]:
        return {"model": "painter"}


class PatientJudge:
    """A judge that accepts every image, after so many seconds for each batch; or after it has hashed them."""

    score_names = ()

    def __init__(self, seconds: float = 0.0, *, hashes: bool = False) -> None:
        self._seconds, self._hashes = seconds, hashes
        self._pool = ThreadPoolExecutor(cores())

    def setup(self) -> None:
        """Nothing to load."""

    def begin_shard(self) -> None:
        """Nothing to forget."""

    def assess(self, rendered: Sequence[Rendered]) -> list[Assessment]:
        time.sleep(self._seconds)
        if not self._hashes:
            return [Assessment({}, {}, None) for _ in rendered]
        pixels = [one.image.permute(1, 2, 0).numpy() for one in rendered if one.image is not None]
        return [Assessment({}, {}, None, phash=each.tobytes()) for each in self._pool.map(perceptual_hash, pixels)]

    def provenance(self) -> dict[str, str]:
        return {"judge": "patient"}


def plan_of(count: int) -> tuple[Plan, str]:
    text = SPEC.format(count=count)
    return make_plan(parse_spec(text), Revisions("painter", "patient")), text


def made(count: int, generator: Painter, judge: PatientJudge) -> tuple[float, float]:
    """Make one shard of so many images: its wall time, and the time of the worker's own thread."""
    plan, text = plan_of(count)
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(folder)
        create_run(store, plan, text)
        began, own = time.perf_counter(), time.thread_time()
        outcome = work(open_run(store), store, generator, judge, range(plan.shard_count))
        assert outcome.committed == (0,)
        return time.perf_counter() - began, time.thread_time() - own


def portraits(side: int) -> list[Pixels]:
    """Portraits of this size, with a little of the noise that a photograph has."""
    found = []
    for number in range(BATCH):
        image = Image.open(io.BytesIO(portrait(number))).convert("RGB").resize((side, side), Image.Resampling.BICUBIC)
        noise = np.random.default_rng(number).normal(0, 1, (side, side, 3))
        found.append((np.asarray(image) + noise).clip(0, 255).astype(np.uint8))
    return found


def sleeping_png(pixels: Pixels) -> bytes:
    time.sleep(ENCODE / BATCH)
    return png(pixels)


def pace(small: Sequence[torch.Tensor], batches: int, rounds: int) -> None:
    """Print how long a run takes as a multiple of its rendering."""
    shares: dict[str, list[float]] = {"beside": [], "in turn": []}
    with patch("synthgen.running.shard.writer.png", sleeping_png):
        for _ in range(rounds):
            for way, several in shares.items():
                generator = Painter(small, overlaps=way == "beside", seconds=RENDER)
                wall, _ = made(batches * BATCH, generator, PatientJudge(JUDGE))
                several.append(wall / generator.rendering)
    print(f"{batches} batches of {BATCH}, which take 200 ms to render, 60 to judge, 80 to encode; {rounds} rounds\n")
    print("| way | wall time, of the sum of rendering |\n| --- | ---: |")
    for way, several in shares.items():
        print(f"| {way} | {median(several):.3f} |")


def encoding(images: int, side: int, rounds: int) -> None:
    """Print how fast a run is that only has to judge and encode, against encoding alone."""
    pictures = portraits(side)
    tensors = [torch.from_numpy(each).permute(2, 0, 1).contiguous() for each in pictures]
    own: list[float] = []

    def run() -> int:
        _, thread = made(images, Painter(tensors, overlaps=False), PatientJudge(hashes=True))
        own.append(1000 * thread / images)
        return images

    with ThreadPoolExecutor(cores()) as pool:
        ways: dict[str, Callable[[], object]] = {
            "encoding alone": lambda: list(pool.map(lambda n: len(png(pictures[n % BATCH])), range(images))),
            "`work`": run,
        }
        seconds: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(rounds):
            for way, do in ways.items():
                began = time.perf_counter()
                do()
                seconds[way].append(time.perf_counter() - began)
    size = sum(len(png(each)) for each in pictures) / BATCH / 1e6
    print(f"\n{images} pictures of {side} x {side}, {size:.1f} MB each, {cores()} cores; {rounds} rounds\n")
    print("| way | pictures/s | of encoding alone | ms of the worker's thread, an image |")
    print("| --- | ---: | ---: | ---: |")
    alone = median(seconds["encoding alone"])
    for way, several in seconds.items():
        thread = f"{median(own):.1f}" if way == "`work`" else ""
        print(f"| {way} | {images / median(several):.1f} | {alone / median(several):.2f} | {thread} |")


def main(
    batches: Annotated[int, typer.Option(min=2)] = 60,
    images: Annotated[int, typer.Option(min=1)] = 320,
    side: Annotated[int, typer.Option(min=16)] = 1024,
    rounds: Annotated[int, typer.Option(min=1)] = 3,
) -> None:
    """Measure in turns, and print medians and ratios."""
    small = [torch.zeros((3, 16, 16), dtype=torch.uint8)]
    made(2 * BATCH, Painter(small, overlaps=True), PatientJudge(hashes=True))  # whatever comes with the first use
    pace(small, batches, rounds)
    encoding(images, side, rounds)


if __name__ == "__main__":
    typer.run(main)

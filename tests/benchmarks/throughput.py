"""Accepted images per second: `synthgen run` against a plain diffusers loop and a tuned one.

    python -m tests.benchmarks.throughput --images 25 --repeats 3

The candidates are those of one `synthgen run` (prompts, seeds, order), and the steps, guidance and thresholds
are the same for all. Each measurement is a process of its own; they take turns, and medians are compared.
Importing and loading models is timed apart and counts for none; the first batch, which is slow, counts for
all.

- `synthgen`: the whole of the run, with ledger, commit, dataset and contact sheet, by default settings.
- `openvino`: the same, with `model.compile: openvino`; what it converts is kept for the next repeat.
- `plain`: one prompt at a time, PIL images, open_clip's own preprocessing, PNG files.
- `tuned-16`, `-32`, `-48`: batches of that size, channels_last, tensors, CLIP and PNG inline. The fastest is compared.
- `timed`: as `synthgen`, with timers around the UNet and the decoder; its speed is not compared.

Duplicate and quality filters are off, so that all accept by the same two thresholds. Nothing fails on a
time; read the ratios.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from functools import wraps
from pathlib import Path
from statistics import median
from typing import Annotated, Any
from unittest.mock import patch

import typer

from synthgen.spec import Spec, read_spec

ROOT = Path(__file__).parents[2]
TUNED = {f"tuned-{size}": size for size in (16, 32, 48)}
WAYS = ("synthgen", "openvino", "plain", *TUNED)


@dataclass(frozen=True, slots=True)
class Result:
    """One measurement.

    Attributes:
        seconds: from the first candidate to the last file, without loading.
        loading: seconds to import the libraries and load the models.
        finishing: the part of `seconds` that made the dataset and the contact sheet; loops have none.
        pure: the part of `seconds` spent in the UNet and the decoder, where that was timed.
    """

    way: str
    accepted: list[str]
    attempted: int
    loading: float
    seconds: float
    finishing: float = 0.0
    pure: float = 0.0

    @property
    def speed(self) -> float:
        return len(self.accepted) / self.seconds


@dataclass(slots=True)
class Clock:
    """Seconds spent in what it wraps. Waits for the GPU, if there is one."""

    seconds: float = 0.0

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        import torch

        def wait() -> None:
            if torch.cuda.is_available():
                torch.cuda.synchronize()

        @wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            wait()
            began = time.perf_counter()
            try:
                result = function(*args, **kwargs)
                wait()
                return result
            finally:
                self.seconds += time.perf_counter() - began

        return timed


def benchmark_spec(images: int, steps: int, overrides: Sequence[str]) -> Spec:
    path = ROOT / "specs" / "quickstart.yaml"
    classes = [f"classes.{name}={images}" for name in read_spec(path).classes]
    settings = ["filters.quality=null", "filters.duplicates=null"]
    return read_spec(path, [*classes, *settings, f"model.steps={steps}", *overrides])


# The ways. Each runs in a process of its own.


def run_synthgen(spec: Spec, folder: Path, device: str, *, timed: bool) -> Result:
    entered = time.perf_counter()
    import datasets  # noqa: F401 - as other libraries: imported before the clock starts
    from diffusers import AutoencoderKL, UNet2DConditionModel

    from synthgen.api import running
    from synthgen.generating.renderer import Renderer
    from synthgen.judging.clip_judge import ClipJudge
    from synthgen.pages import sheet  # noqa: F401

    loading, finishing, pure = Clock(), Clock(), Clock()

    @contextmanager
    def clocked(owner: Any, name: str, clock: Clock) -> Iterator[None]:
        with patch.object(owner, name, clock.around(getattr(owner, name))):
            yield

    with ExitStack() as patches:
        patches.enter_context(clocked(Renderer, "setup", loading))
        patches.enter_context(clocked(ClipJudge, "setup", loading))
        patches.enter_context(clocked(running, "finalized", finishing))
        if timed:
            patches.enter_context(clocked(UNet2DConditionModel, "forward", pure))
            patches.enter_context(clocked(AutoencoderKL, "decode", pure))
        began = time.perf_counter()  # the import of libraries is loading too
        result = running.run(spec, folder, devices=device)
        seconds = time.perf_counter() - began - loading.seconds
    rows = read_ledger(folder)
    accepted = [row["id"] for row in rows if row["verdict"] == "accepted"]
    assert len(accepted) == result.tally.accepted
    compiled = "openvino" if spec.model.compile == "openvino" else "synthgen"
    way, loaded = "timed" if timed else compiled, began - entered + loading.seconds
    return Result(way, accepted, len(rows), loaded, seconds, finishing.seconds, pure.seconds)


class Sieve:
    """The two thresholds and the quotas, as a loop would have them."""

    def __init__(self, spec: Spec) -> None:
        assert spec.filters.label
        assert spec.filters.clip
        assert isinstance(spec.filters.label.min_posterior, float)
        self._least_label, self._least_clip = spec.filters.label.min_posterior, spec.filters.clip.min_score
        self._left = Counter({name: kind.count for name, kind in spec.classes.items()})
        self.accepted: list[str] = []

    def passes(self, row: dict[str, Any], posterior: float, score: float) -> bool:
        good = posterior >= self._least_label and score >= self._least_clip and self._left[row["class"]] > 0
        if good:
            self._left[row["class"]] -= 1
            self.accepted.append(row["id"])
        return good


class Models:
    """A diffusers pipeline and an open_clip model, loaded as their manuals say."""

    def __init__(self, spec: Spec, device: str) -> None:
        import open_clip
        import torch
        from diffusers import StableDiffusionPipeline

        from synthgen import bundled
        from synthgen.judging.clip import Clip
        from synthgen.judging.zero_shot import class_choice
        from synthgen.models.device import open_device
        from synthgen.models.memory import choose_dtype

        self.device: torch.device = open_device(device)
        dtype = choose_dtype(spec.model.dtype, self.device)
        self.pipeline = StableDiffusionPipeline.from_pretrained(bundled.GENERATOR, dtype=dtype).to(self.device)
        self.pipeline.set_progress_bar_config(disable=True)
        name = f"local-dir:{bundled.JUDGE}"
        self.clip, _, self.preprocess = open_clip.create_model_and_transforms(name, device=self.device)
        self.clip.eval()
        self.tokenizer = open_clip.get_tokenizer(name)
        self.classes = class_choice(spec, Clip(name, self.device))
        self.labels = {name: label for label, name in enumerate(spec.classes)}

    def judge(self, pixels: Any, rows: Sequence[dict[str, Any]]) -> list[tuple[float, float]]:
        """Label posterior and CLIP score of preprocessed images [n, 3, 64, 64]."""
        import torch
        from torch.nn import functional

        with torch.inference_mode():
            texts = self.tokenizer([row["prompt"] for row in rows]).to(self.device)
            images = functional.normalize(self.clip.encode_image(pixels).float(), dim=1)
            prompts = functional.normalize(self.clip.encode_text(texts).float(), dim=1)
            posteriors = self.classes.posteriors(images, float(self.clip.logit_scale.exp()))
            own = posteriors[range(len(rows)), [self.labels[row["class"]] for row in rows]]
            return list(zip(own.tolist(), (images * prompts).sum(1).tolist(), strict=True))


def run_plain(spec: Spec, rows: Sequence[dict[str, Any]], folder: Path, device: str) -> Result:
    import torch

    began = time.perf_counter()
    models, sieve = Models(spec, device), Sieve(spec)
    loaded = time.perf_counter()
    for row in rows:
        image = models.pipeline(
            row["prompt"],
            num_inference_steps=spec.model.steps,
            guidance_scale=spec.model.guidance,
            generator=torch.Generator().manual_seed(row["seed"]),
        ).images[0]
        [(posterior, score)] = models.judge(models.preprocess(image)[None].to(models.device), [row])
        if sieve.passes(row, posterior, score):
            place = folder / row["class"]
            place.mkdir(exist_ok=True)
            image.save(place / f"{row['id']}.png")
    return Result("plain", sieve.accepted, len(rows), loaded - began, time.perf_counter() - loaded)


def run_tuned(spec: Spec, rows: Sequence[dict[str, Any]], folder: Path, device: str, size: int) -> Result:
    import torch
    from PIL import Image

    began = time.perf_counter()
    models, sieve = Models(spec, device), Sieve(spec)
    models.pipeline.unet.to(memory_format=torch.channels_last)
    models.pipeline.vae.to(memory_format=torch.channels_last)
    for name in spec.classes:
        (folder / name).mkdir()
    loaded = time.perf_counter()
    for start in range(0, len(rows), size):
        batch = rows[start : start + size]
        with torch.inference_mode():
            images = models.pipeline(
                [row["prompt"] for row in batch],
                num_inference_steps=spec.model.steps,
                guidance_scale=spec.model.guidance,
                generator=[torch.Generator().manual_seed(row["seed"]) for row in batch],
                output_type="pt",
            ).images
        # The judge's preprocessing, without PIL: the images have its size, and mean and deviation are a half.
        scores = models.judge((images.float() - 0.5) / 0.5, batch)
        pixels = images.mul(255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
        for row, picture, (posterior, score) in zip(batch, pixels, scores, strict=True):
            if sieve.passes(row, posterior, score):
                Image.fromarray(picture).save(folder / row["class"] / f"{row['id']}.png", compress_level=3)
    return Result(f"tuned-{size}", sieve.accepted, len(rows), loaded - began, time.perf_counter() - loaded)


def read_ledger(folder: Path) -> list[dict[str, Any]]:
    """Every attempt of a run, in order."""
    import pyarrow.parquet as pq

    names = ["id", "class", "prompt", "seed", "verdict"]
    rows = [
        row for path in (folder / "ledger").glob("*.parquet") for row in pq.read_table(path, columns=names).to_pylist()
    ]
    return sorted(rows, key=lambda row: str(row["id"]))


# Turns, and the report


def measure(way: str, candidates: Path, out: Path, settings: Sequence[str]) -> Result:
    """One process."""
    command = [sys.executable, "-m", "tests.benchmarks.throughput", "--way", way, *settings]
    command += ["--candidates", str(candidates), "--out", str(out)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    result = Result(**json.loads(done.stdout.splitlines()[-1]))
    print(
        f"{way:<8} {len(result.accepted)} accepted of {result.attempted} in {result.seconds:.1f} s: "
        f"{result.speed:.2f}/s (loading {result.loading:.1f} s apart)",
        file=sys.stderr,
    )
    return result


def report(results: Sequence[Result], timed: Result) -> str:
    speeds = {way: median(result.speed for result in results if result.way == way) for way in WAYS}
    loading = {way: median(result.loading for result in results if result.way == way) for way in WAYS}
    first = {way: next(result for result in results if result.way == way) for way in WAYS}
    lines = [
        "| way | accepted images per second | accepted of attempted | loading, s |",
        "| --- | --- | --- | --- |",
    ]
    lines += [
        f"| {way} | {speeds[way]:.2f} | {len(first[way].accepted)} of {first[way].attempted} | {loading[way]:.1f} |"
        for way in WAYS
    ]
    lines.append("")
    best = max(TUNED, key=lambda way: speeds[way])
    for one in ("synthgen", "openvino"):
        ours = set(first[one].accepted)
        for way in ("plain", best):
            theirs = set(first[way].accepted)
            lines.append(
                f"{one} / {way}: {speeds[one] / speeds[way]:.2f} times as fast; "
                f"{len(ours & theirs)} images accepted by both, {len(ours ^ theirs)} by one alone"
            )
    making = timed.seconds - timed.finishing
    lines += [
        f"pure denoising and decoding: {timed.pure / timed.seconds:.1%} of the wall time without loading, "
        f"{timed.pure / making:.1%} of that without the dataset and the sheet ({timed.finishing:.1f} s)",
    ]
    return "\n".join(lines)


def main(
    images: Annotated[int, typer.Option(min=1, help="Accepted images per class.")] = 25,
    repeats: Annotated[int, typer.Option(min=1)] = 3,
    steps: Annotated[int, typer.Option(min=1)] = 20,
    device: str = "cpu",
    set_: Annotated[list[str] | None, typer.Option("--set", help="Override a key of the spec.")] = None,
    way: Annotated[str | None, typer.Option(hidden=True)] = None,
    candidates: Annotated[Path, typer.Option(hidden=True)] = Path(),
    out: Annotated[Path | None, typer.Option(help="Where results are written to; as JSON.")] = None,
) -> None:
    """Compare `synthgen run` with a plain loop and a tuned one."""
    if way is not None:
        assert out is not None
        converted = ["model.compile=openvino"] if way == "openvino" else []
        spec = benchmark_spec(images, steps, [*(set_ or ()), *converted])
        if way in {"synthgen", "openvino", "timed"}:
            result = run_synthgen(spec, out, device, timed=way == "timed")
        else:
            rows = json.loads(candidates.read_text())
            size = TUNED.get(way)
            result = run_tuned(spec, rows, out, device, size) if size else run_plain(spec, rows, out, device)
        print(json.dumps(asdict(result)))
        return
    settings = ["--images", str(images), "--steps", str(steps), "--device", device]
    settings += [f"--set={override}" for override in set_ or ()]
    with tempfile.TemporaryDirectory(prefix="synthgen-throughput-") as name:
        scratch = Path(name)
        candidates = scratch / "candidates.json"
        results = []
        for turn in range(repeats):
            order = WAYS if turn == 0 else WAYS[turn % len(WAYS) :] + WAYS[: turn % len(WAYS)]
            for one in order:
                place = scratch / f"{one}-{turn}"
                place.mkdir()
                results.append(measure(one, candidates, place, settings))
                if not candidates.exists():
                    candidates.write_text(json.dumps(read_ledger(place)))
        timed = measure("timed", candidates, scratch / "timed", settings)
    print(report(results, timed))
    if out is not None:
        content = {
            "images_per_class": images,
            "steps": steps,
            "runs": [asdict(one) for one in (*results, timed)],
        }
        out.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    typer.run(main)

"""How long an audit without options takes, beside cleanvision on the same folder.

`uv run python -m tests.benchmarks.audit_folder` writes the ratio into docs/audit-images.md: seconds are of one machine.
"""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import numpy as np
import typer
from PIL import Image

import synthgen
from tests.benchmarks.page import paragraph, put_into, ratio

ROOT = Path(__file__).parents[2]


def photographs(folder: Path, many: int, side: int) -> None:
    """Write noise of the spectrum of photographs, as JPEG, with a copy of every tenth image."""
    rng = np.random.default_rng(0)
    waves = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.rfftfreq(side), indexing="ij"))
    waves[0, 0] = 1
    for number in range(many):
        spectrum = np.fft.rfft2(rng.normal(size=(3, side, side))) / waves
        pixels = np.fft.irfft2(spectrum, s=(side, side))
        scaled = 128 + 45 * pixels / pixels.std()
        path = folder / "ab"[number % 2] / f"{number:05d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.clip(scaled, 0, 255).astype(np.uint8).transpose(1, 2, 0)).save(path, quality=90)
        if number % 10 == 0:
            shutil.copy(path, path.with_name(f"{number:05d}-copy.jpg"))


def main(
    docs: Annotated[Path, typer.Option(help="The folder with audit-images.md.")] = ROOT / "docs",
    images: Annotated[int, typer.Option(help="How many different images.")] = 1500,
    side: Annotated[int, typer.Option(help="Their width and height.")] = 512,
    rounds: Annotated[int, typer.Option(min=2, help="Times that each is run, in turns.")] = 5,
) -> None:
    """Measure, and write the ratio."""
    from cleanvision import Imagelab

    cores = os.cpu_count() or 1
    with TemporaryDirectory() as place:
        folder = Path(place) / "set"
        photographs(folder, images, side)
        found: list[synthgen.Audit] = []

        def ours() -> None:
            found.append(synthgen.audit(folder))

        def theirs() -> None:
            Imagelab(data_path=str(folder)).find_issues(n_jobs=cores, verbose=False)

        times = np.array([[_seconds(ours), _seconds(theirs)] for _ in range(rounds + 1)])[1:]  # the first also imports

    inspection = found[0].report.inspection
    assert inspection is not None
    text = (
        f"{inspection.images:,} JPEG images of {side} x {side} pixels on {cores} cores, in {rounds} rounds, in turns, "
        f"on a busy machine: cleanvision, with as many processes, took {ratio(times)} times as long as "
        "this audit, with a 95 % interval of the rounds. It looks for no leaks and no conflicting classes. Most of "
        "the time is decoding, so it grows with the number of pixels."
    )
    print(text)
    put_into(docs / "audit-images.md", "\n".join(paragraph(text)))


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


if __name__ == "__main__":
    typer.run(main)

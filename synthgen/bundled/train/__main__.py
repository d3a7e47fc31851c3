"""`python -m synthgen.bundled.train`: render, train all models, write the weights.

Afterwards, `python -m tests.benchmarks.bundled_figures` measures the trained models and adds its figures to the
weights' training.json.
"""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import torch
import typer

from synthgen.bundled.captions import BARE, COLORLESS, UNNAMED
from synthgen.bundled.mixture import SKEW, WRONG_ATTRIBUTE, WRONG_OCCUPATION, even, skewed
from synthgen.bundled.train import autoencoder, clip, denoiser, finder, readers
from synthgen.bundled.train.pictures import render_many
from synthgen.bundled.train.save import save_weights
from synthgen.bundled.train.tokens import build_tokenizer

PICTURES = 20_000
"""Renders per mixture: one skewed, for the denoiser, and one even, for the others but the finder, which has its own."""
EVEN_SEED, SKEWED_SEED = 1, 2
SCHEDULES = {
    "judge": clip.SCHEDULE,
    "autoencoder": autoencoder.SCHEDULE,
    "denoiser": denoiser.SCHEDULE,
    "reader": readers.SCHEDULE,
    "finder": finder.SCHEDULE,
}


def main(
    work: Annotated[Path, typer.Option(help="Folder for checkpoints; interrupted training resumes from there.")],
    out: Annotated[Path, typer.Option(help="Folder for the finished weights.")],
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
) -> None:
    """Train the bundled models from scratch. This takes about an hour and a half on two CPU cores."""
    work.mkdir(parents=True, exist_ok=True)
    torch.set_flush_denormal(True)  # numbers next to zero are slow on a CPU, and mean nothing here
    where = torch.device(device)
    tokenizer = build_tokenizer()
    print(f"rendering 2 x {PICTURES} pictures", file=sys.stderr)
    evenly = render_many(PICTURES, even, seed=EVEN_SEED)
    skewedly = render_many(PICTURES, skewed, seed=SKEWED_SEED)
    seconds: dict[str, float] = {}
    judge, seconds["judge"] = clip.train_judge(evenly, tokenizer, work, where)
    coder, seconds["autoencoder"] = autoencoder.train_autoencoder(evenly, work, where)
    unet, seconds["denoiser"] = denoiser.train_denoiser(skewedly, coder, tokenizer, work, where)
    reader, seconds["reader"] = readers.train_reader(evenly, work, where)
    seconds["finder"] = finder.train_finder(reader.finder, work, where)
    save_weights(out, tokenizer, judge, coder, unet, reader, described(seconds, where))


def described(seconds: dict[str, float], device: torch.device) -> dict[str, object]:
    """Return what the models were trained on and for how long, for training.json."""
    return {
        "pictures": {
            "even": {"count": PICTURES, "seed": EVEN_SEED},
            "skewed": {"count": PICTURES, "seed": SKEWED_SEED},
        },
        "skew_in_percent": {occupation: asdict(skew) for occupation, skew in SKEW.items()},
        "wrong_captions": {"occupation": WRONG_OCCUPATION, "attribute": WRONG_ATTRIBUTE},
        "captions": {"bare": BARE, "unnamed": UNNAMED, "colorless": COLORLESS},
        "schedules": {name: asdict(schedule) for name, schedule in SCHEDULES.items()},
        "seconds": {name: round(value) for name, value in seconds.items()},
        "device": str(device),
    }


if __name__ == "__main__":
    typer.run(main)

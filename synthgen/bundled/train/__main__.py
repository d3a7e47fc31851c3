"""`python -m synthgen.bundled.train`: render, train all four models, write the weights."""

import sys
from pathlib import Path
from typing import Annotated

import torch
import typer

from synthgen.bundled.mixture import even, skewed
from synthgen.bundled.train.autoencoder import train_autoencoder
from synthgen.bundled.train.clip import train_judge
from synthgen.bundled.train.denoiser import train_denoiser
from synthgen.bundled.train.pictures import render_many
from synthgen.bundled.train.readers import train_reader
from synthgen.bundled.train.save import save_weights
from synthgen.bundled.train.tokens import build_tokenizer

PICTURES = 20_000
"""Renders per mixture: one skewed, for the denoiser, and one even, for the other three."""


def main(
    work: Annotated[Path, typer.Option(help="Folder of the checkpoints; a stopped training goes on from there.")],
    out: Annotated[Path, typer.Option(help="Folder that the finished weights are written to.")],
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
) -> None:
    """Train the bundled models from nothing. About 70 minutes on two CPU cores."""
    work.mkdir(parents=True, exist_ok=True)
    where = torch.device(device)
    tokenizer = build_tokenizer()
    print(f"rendering 2 x {PICTURES} pictures", file=sys.stderr)
    evenly = render_many(PICTURES, even, seed=1)
    skewedly = render_many(PICTURES, skewed, seed=2)
    seconds: dict[str, float] = {}
    judge, seconds["judge"] = train_judge(evenly, tokenizer, work, where)
    autoencoder, seconds["autoencoder"] = train_autoencoder(evenly, work, where)
    denoiser, seconds["denoiser"] = train_denoiser(skewedly, autoencoder, tokenizer, work, where)
    reader, seconds["reader"] = train_reader(evenly, work, where)
    save_weights(out, tokenizer, judge, autoencoder, denoiser, reader, seconds)


if __name__ == "__main__":
    typer.run(main)

"""`python -m synthgen.bundled.train.profile FILE`: what the bundled judge was checked on, as embeddings.

Most pictures are drawn, evenly; the others are made by the bundled generator. The judge was trained on none of them:
their seeds are others. It takes some minutes on two CPU cores.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Annotated

import numpy as np
import torch
import typer
from diffusers import StableDiffusionPipeline
from numpy.typing import NDArray
from PIL.Image import Image

from synthgen.bundled import GENERATOR, JUDGE
from synthgen.bundled.mixture import even
from synthgen.bundled.world import BACKGROUNDS, OCCUPATIONS, SIZE, SKINS, render
from synthgen.models import content_hash

DRAWN, DRAWN_SEED = 1000, 1001
BATCHES, BATCH, PROMPT_SEED, NOISE_SEED, STEPS = 12, 40, 9, 1000, 20
TEMPLATES = (
    "a portrait of a {o} with {s} skin and {h} hair on a {b} background",
    "a {o} with {h} hair",
    "a {o}",
    "a portrait of a {o}",
)
HAIR = ("short black", "short brown", "long blond", "long red", "long brown", "short red")
GUIDANCE = (1.5, 3.0)


def drawn() -> Iterator[Image]:
    rng = Random(DRAWN_SEED)
    for _ in range(DRAWN):
        yield render(even(rng), rng).image


def generated() -> Iterator[Image]:
    pipeline = StableDiffusionPipeline.from_pretrained(GENERATOR, safety_checker=None, torch_dtype=torch.float32)
    rng = Random(PROMPT_SEED)
    for batch in range(BATCHES):
        prompts = [_prompt(rng) for _ in range(BATCH)]
        made = pipeline(
            prompts,
            height=SIZE,
            width=SIZE,
            num_inference_steps=STEPS,
            guidance_scale=rng.choice(GUIDANCE),
            generator=torch.Generator().manual_seed(NOISE_SEED + batch),
        )
        yield from made.images


def embed(pictures: Sequence[Image]) -> NDArray[np.float16]:
    """Embed pictures by the bundled judge: unit length, float16 [n, width]."""
    import open_clip

    model, _, transform = open_clip.create_model_and_transforms(f"local-dir:{JUDGE}", precision="fp32")
    model.eval()
    with torch.no_grad():
        parts = [
            model.encode_image(torch.stack([transform(each) for each in pictures[start : start + 100]]), True)
            for start in range(0, len(pictures), 100)
        ]
    return torch.cat(parts).numpy().astype(np.float16)


def main(out: Annotated[Path, typer.Argument(help="The file to write: judge-profile.npz.")]) -> None:
    vectors = embed([*drawn(), *generated()])
    np.savez_compressed(out, vectors=vectors, judge=np.array(content_hash(JUDGE)))


def _prompt(rng: Random) -> str:
    template = rng.choice(TEMPLATES)
    occupation, skin, hair = rng.choice(OCCUPATIONS), rng.choice(SKINS), rng.choice(HAIR)
    return template.format(o=occupation, s=skin, h=hair, b=rng.choice(BACKGROUNDS))


if __name__ == "__main__":
    typer.run(main)

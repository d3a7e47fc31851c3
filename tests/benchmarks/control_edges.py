"""How well images follow the outlines that lead them: `python -m tests.benchmarks.control_edges -n 48`.

For each of n renders of the bundled world that no model was trained on, one image is drawn with the outlines of the
render and one without, from the same noise and words. Edge agreement is the F1 of two drawings: the share of lines of
either that have a line of the other within one pixel. The gain is the mean of the paired differences, with a 95 %
interval (Student's t).
"""

import json
import sys
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from diffusers import ControlNetModel, StableDiffusionControlNetPipeline
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage, stats

from synthgen import bundled
from synthgen.bundled.mixture import even
from synthgen.bundled.train.pictures import render_many
from synthgen.conditioning import canny

BATCH, STEPS, GUIDANCE = 8, 20, 1.5
Lines = NDArray[np.bool_]


def main(
    count: Annotated[int, typer.Option("-n", help="Renders.")] = 48,
    seed: Annotated[int, typer.Option(help="Of the renders.")] = 1234,
    until: Annotated[float, typer.Option(help="The share of the steps in which outlines lead.")] = 0.8,
    sheet: Annotated[Path | None, typer.Option(help="A picture to write: render, outlines, led, not led.")] = None,
) -> None:
    """Measure, and print the figures as JSON."""
    control = ControlNetModel.from_pretrained(bundled.CONTROLS["bundled:outlines"], dtype=torch.float32)
    pipeline = StableDiffusionControlNetPipeline.from_pretrained(
        bundled.GENERATOR, controlnet=control, dtype=torch.float32
    )
    pipeline.set_progress_bar_config(disable=True)
    pictures = render_many(count, even, seed)
    renders = [Image.fromarray(image.permute(1, 2, 0).numpy()) for image in pictures.images]
    outlines = [canny(one) for one in renders]
    texts = [f"a portrait of a {person.occupation}" for person in pictures.people]

    drawn: dict[float, list[Image.Image]] = {}
    for weight in (1.0, 0.0):
        drawn[weight] = []
        for first in range(0, count, BATCH):
            some = range(first, min(first + BATCH, count))
            drawn[weight] += pipeline(
                [texts[one] for one in some],
                [outlines[one] for one in some],
                num_inference_steps=STEPS,
                guidance_scale=GUIDANCE,
                controlnet_conditioning_scale=weight,
                control_guidance_end=until,
                generator=[torch.Generator().manual_seed(one) for one in some],
            ).images
            print(f"{len(drawn[weight])}/{count} at weight {weight:g}", file=sys.stderr)
    led, free = (
        np.array([agreement(_lines(made), _lines(own)) for made, own in zip(images, renders, strict=True)])
        for images in drawn.values()
    )
    gain = led - free
    half = stats.sem(gain) * stats.t.ppf(0.975, count - 1)
    found = {
        "images": count,
        "led": round(float(led.mean()), 3),
        "not_led": round(float(free.mean()), 3),
        "gain": round(float(gain.mean()), 3),
        "interval": [round(float(gain.mean() + side * half), 3) for side in (-1, 1)],
        "better": int((gain > 0).sum()),
    }
    print(json.dumps(found, indent=2))
    if sheet is not None:
        rows = [renders, outlines, *drawn.values()]
        whole = Image.new("RGB", (66 * min(count, 12), 66 * len(rows)), "white")
        for high, row in enumerate(rows):
            for wide, picture in enumerate(row[:12]):
                whole.paste(picture, (66 * wide, 66 * high))
        whole.resize((whole.width * 2, whole.height * 2)).save(sheet)


def agreement(one: Lines, other: Lines) -> float:
    """Return the F1 of two drawings: lines that have a line of the other one within one pixel."""
    if not one.any() or not other.any():
        return float(one.any() == other.any())
    near = [ndimage.binary_dilation(each, np.ones((3, 3), bool)) for each in (one, other)]
    precision, recall = (one & near[1]).sum() / one.sum(), (other & near[0]).sum() / other.sum()
    return float(2 * precision * recall / (precision + recall)) if precision + recall else 0.0


def _lines(picture: Image.Image) -> Lines:
    return np.asarray(canny(picture.convert("RGB")).convert("L")) > 0


if __name__ == "__main__":
    typer.run(main)

"""What stays of the object where the rest of a picture is redrawn: `python -m tests.benchmarks.redrawn RUN RENDERS`.

RUN is a finished run of inpaint or outpaint, such as that of specs/inpaint.yaml, whose pictures are RENDERS, such as
specs/sources, as `synthgen render` writes them. Of each accepted image, the ground-truth reader, which no filter asks,
says whether the person is the one of the picture, and where it is:

- touched: images with a pixel of the object that is not the picture's; of inpaint only;
- attributes: images of which every attribute of the person is read as it was rendered, and those of each attribute;
- background: images with the background of the prompt's variable `background`;
- boxes: images whose box has an IoU of over 0.9 with the reader's own. The same of the renders themselves, and of
  renders that lie where they do on the image, on a ground of their own colour, say how well the reader finds people.

Shares have 95 % intervals of Clopper and Pearson, which take images for independent: use `source.per_source: 1`.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import datasets
import numpy as np
import torch
import typer
from PIL import Image
from scipy import stats

from synthgen import bundled
from synthgen.bundled.reader import Reading, load_reader

COLUMNS = {
    "occupation": "label",
    "skin": "skin_tone",
    "hair_length": "hair_length",
    "hair_color": "hair_color",
    "glasses": "glasses",
}
"""The attributes of the reader, and the columns of renders that have them."""

Row = Mapping[str, object]


def main(
    run: Annotated[Path, typer.Argument(help="A finished run.")],
    renders: Annotated[Path, typer.Argument(help="The pictures that it began from.")],
    worst: Annotated[Path | None, typer.Option(help="A picture to write: images that lost an attribute.")] = None,
) -> None:
    """Measure, and print the figures as JSON."""
    images = images_of(run)
    print(json.dumps(measured(images, renders), indent=2))
    if worst is not None:
        kept = _all_kept(images, _sources(images, renders))
        _sheet([row for row, same in zip(images, kept, strict=True) if not same], renders, worst)


def images_of(run: Path) -> list[dict[str, Any]]:
    """Read the rows of a finished run's dataset, of all splits."""
    return [row for split in datasets.load_dataset(str(run / "dataset")).values() for row in split]


def measured(images: Sequence[Mapping[str, Any]], renders: Path) -> dict[str, Any]:
    """Measure what stays of the object: see above."""
    sources = _sources(images, renders)
    reading = _read([row["image"] for row in images])
    found: dict[str, Any] = {
        "images": len(images),
        "attributes": _share(_all_kept(images, sources)),
        "each": {name: _share(_kept(reading, name, sources)) for name in COLUMNS},
    }
    if all("background" in json.loads(row["variables"]) for row in images):
        asked = [json.loads(row["variables"])["background"] for row in images]
        found["background"] = _share(
            [one == other for one, other in zip(reading.values("background"), asked, strict=True)]
        )
    boxed = "boxes" in images[0]
    is_outpainted = boxed and any(row["boxes"] != source["boxes"] for row, source in zip(images, sources, strict=True))
    if "mask" in images[0] and not is_outpainted:
        found["touched"] = sum(_touched(row, renders / str(row["source_id"])) for row in images)
    if boxed:
        found["boxes"] = _boxes([row["boxes"][0] for row in images], reading)
        there = list({str(source["file_name"]): source for source in sources}.values())
        of_renders = _read([Image.open(renders / str(row["file_name"])) for row in there])
        found["boxes_of_renders"] = _boxes([row["boxes"][0] for row in there], of_renders)
    if is_outpainted:
        plain = [_plain(row, source, renders) for row, source in zip(images, sources, strict=True)]
        found["boxes_on_plain_ground"] = _boxes([row["boxes"][0] for row in images], _read(plain))
    return found


def _sources(images: Sequence[Row], renders: Path) -> list[dict[str, Any]]:
    lines = (renders / "metadata.jsonl").read_text().splitlines()
    rendered = {row["file_name"]: row for row in map(json.loads, lines)}
    return [rendered[str(row["source_id"])] for row in images]


def _all_kept(images: Sequence[Mapping[str, Any]], sources: Sequence[Row]) -> list[bool]:
    reading = _read([row["image"] for row in images])
    return [all(each) for each in zip(*(_kept(reading, name, sources) for name in COLUMNS), strict=True)]


def _read(pictures: Sequence[Image.Image]) -> Reading:
    pixels = np.stack([np.asarray(picture.convert("RGB")) for picture in pictures])
    return load_reader(bundled.READER).read(torch.from_numpy(pixels).permute(0, 3, 1, 2))


def _kept(reading: Reading, name: str, sources: Sequence[Row]) -> list[bool]:
    """Whether an attribute is read as it was rendered. A bald head has no colour of hair."""
    column = COLUMNS[name]
    return [source[column] in (None, read) for source, read in zip(sources, reading.values(name), strict=True)]


def _touched(row: Mapping[str, Image.Image], picture: Path) -> bool:
    """Whether a pixel of the object is another one now."""
    before, after = (np.asarray(one.convert("RGB")) for one in (Image.open(picture), row["image"]))
    inside = np.asarray(row["mask"].convert("L")) > 127
    return bool(before.shape == after.shape and (before[inside] != after[inside]).any())


def _plain(row: Mapping[str, Any], source: Mapping[str, Any], renders: Path) -> Image.Image:
    """Lay a render where it lies on an image, on a ground of the colour of its corner."""
    (left, top, right, _), (first, high, last, _) = row["boxes"][0], source["boxes"][0]
    scale = (right - left) / (last - first)
    picture = Image.open(renders / str(source["file_name"])).convert("RGB")
    ground = Image.new("RGB", row["image"].size, picture.getpixel((0, 0)))
    small = picture.resize((round(picture.width * scale), round(picture.height * scale)), Image.Resampling.LANCZOS)
    ground.paste(small, (round(left - first * scale), round(top - high * scale)))
    return ground


def _boxes(own: Sequence[Sequence[float]], reading: Reading) -> dict[str, object]:
    shared = [_iou(box, read) for box, read in zip(own, reading.boxes.tolist(), strict=True)]
    return {**_share([each > 0.9 for each in shared]), "median": round(float(np.median(shared)), 3)}


def _iou(one: Sequence[float], other: Sequence[float]) -> float:
    left, top = max(one[0], other[0]), max(one[1], other[1])
    right, bottom = min(one[2], other[2]), min(one[3], other[3])
    shared = max(0.0, right - left) * max(0.0, bottom - top)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return shared / (sum(areas) - shared)


def _share(which: Sequence[bool]) -> dict[str, object]:
    interval = stats.binomtest(sum(which), len(which)).proportion_ci(method="exact")
    ends = [round(float(end), 3) for end in (interval.low, interval.high)]
    return {"of": f"{sum(which)}/{len(which)}", "share": round(sum(which) / len(which), 3), "interval": ends}


def _sheet(rows: Sequence[Mapping[str, object]], renders: Path, file: Path) -> None:
    """Write the pictures above the images that were made of them."""
    sheet = Image.new("RGB", (66 * max(1, len(rows)), 132), "white")
    for place, row in enumerate(rows):
        picture, image = Image.open(renders / str(row["source_id"])), row["image"]
        assert isinstance(image, Image.Image)
        sheet.paste(picture, (66 * place, 0))
        sheet.paste(image, (66 * place, 66))
    sheet.resize((sheet.width * 2, sheet.height * 2), Image.Resampling.NEAREST).save(file)


if __name__ == "__main__":
    typer.run(main)

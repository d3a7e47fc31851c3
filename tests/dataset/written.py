"""Small datasets in the formats that are part of synthgen, of rows that a test chooses."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from PIL import Image

from synthgen.dataset.encoding import Encoding
from synthgen.dataset.finalize import finalize
from synthgen.dataset.formats.format import FormatWriter
from synthgen.dataset.formats.opening import open_formats
from synthgen.dataset.summary import DatasetSummary
from tests.dataset.shards import IMAGES, PROVENANCE

SPLITS = {"train": 0.5, "validation": 0.25, "test": 0.25}
PICTURE = pa.struct({"bytes": pa.binary(), "path": pa.string()})
BOXES = {"boxes": pa.list_(pa.list_(pa.float32())), "box_scores": pa.list_(pa.float32())}
MASKS = {"masks": pa.list_(PICTURE), "mask_scores": pa.list_(pa.float32())}


def png(pixels: NDArray[Any]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def noise(seed: int, size: tuple[int, int] = (24, 20)) -> bytes:
    """A picture of this width and height, other than those of other seeds."""
    width, height = size
    return png(np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8))


def row(number: int, label: int, **more: Any) -> dict[str, Any]:
    """A row as a run has it."""
    image_id = f"00000-{number:06d}"
    return {
        "id": image_id,
        "image": {"bytes": noise(number), "path": f"{image_id}.png"},
        "label": label,
        "prompt": f"prompt {number}",
        "negative_prompt": "",
        "variables": "{}",
        "seed": number,
        "score_clip_score": 0.25,
        "score_label_posterior": 0.75,
        "attribute_skin_tone": "dark",
        "phash": bytes([number % 256]),
        "embedding": [1.0, 0.0],
        **more,
    }


def write(
    folder: Path,
    formats: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    classes: Sequence[str],
    splits: Mapping[str, float] = SPLITS,
    types: Mapping[str, pa.DataType] | None = None,
    writer: FormatWriter | None = None,
) -> DatasetSummary:
    """Write a dataset into `folder`, in one format or several."""
    schema = IMAGES
    for name, kind in (types or {}).items():
        schema = schema.append(pa.field(name, kind))
    folder.parent.mkdir(parents=True, exist_ok=True)
    shard = folder.with_name(f"{folder.name}-00000.parquet")
    pq.write_table(pa.Table.from_pylist([dict(one) for one in rows], schema=schema), shard)
    opened, origin = open_formats(formats, {})
    facts = replace(PROVENANCE, format=origin, encoding=Encoding())
    return finalize(
        [shard], folder, name="t", classes=classes, splits=splits, provenance=facts, writer=writer or opened
    )

"""Committed files as `run` writes them, with portraits of the bundled world."""

import io
from collections import Counter
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq

from synthgen.bundled.mixture import even
from synthgen.bundled.world import render
from synthgen.dataset.provenance import Provenance
from synthgen.ledger.columns import LedgerRow
from synthgen.ledger.tally import tally

CLASSES = ("doctor", "chef", "builder")

IMAGES = pa.schema(
    {
        "id": pa.string(),
        "image": pa.struct({"bytes": pa.binary(), "path": pa.string()}),
        "label": pa.int64(),
        "prompt": pa.string(),
        "negative_prompt": pa.string(),
        "variables": pa.string(),
        "seed": pa.int64(),
        "score_clip_score": pa.float32(),
        "score_label_posterior": pa.float32(),
        "attribute_skin_tone": pa.string(),
        "phash": pa.binary(),
        "embedding": pa.list_(pa.float16()),
    }
)
PROVENANCE = Provenance(
    model="bundled:workers",
    judge="bundled:judge",
    spec="synthgen: 1\n",
    fingerprint="f" * 16,
    tally=tally(Counter(), {}),
)


@cache
def portrait(seed: int, form: str = "PNG") -> bytes:
    rng = Random(seed)
    file = io.BytesIO()
    render(even(rng), rng).image.save(file, form)
    return file.getvalue()


def image_row(shard: int, attempt: int, label: int, png: bytes | None = None) -> dict[str, Any]:
    seed = shard * 1000 + attempt
    return {
        "id": f"{shard:05d}-{attempt:06d}",
        "image": {"bytes": png or portrait(seed), "path": f"{shard:05d}-{attempt:06d}.png"},
        "label": label,
        "prompt": f"a portrait of a {CLASSES[label]}",
        "negative_prompt": "",
        "variables": '{"skin": "dark"}',
        "seed": seed,
        "score_clip_score": 0.25,
        "score_label_posterior": 0.75,
        "attribute_skin_tone": "dark",
        "phash": sha256(png or portrait(seed)).digest(),
        "embedding": [1.0, 0.0],
    }


def write_images(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    pq.write_table(pa.Table.from_pylist(list(rows), schema=IMAGES), path)
    return path


def write_shard(folder: Path, shard: int, per_class: int = 10) -> Path:
    labels = [label for _ in range(per_class) for label in range(len(CLASSES))]
    rows = [image_row(shard, attempt, label) for attempt, label in enumerate(labels)]
    return write_images(folder / f"{shard:05d}-abcdef.parquet", rows)


def ledger_row(attempt: int, kind: str, verdict: str = "accepted", reason: str | None = None, **more: Any) -> LedgerRow:
    row = {
        "id": f"00000-{attempt:06d}",
        "shard": 0,
        "attempt": attempt,
        "class": kind,
        "cell_aimed": kind,
        "cell_filled": kind if verdict == "accepted" else None,
        "template": "a portrait of a {class}",
        "variables": "{}",
        "prompt": f"a portrait of a {kind}",
        "negative_prompt": "",
        "seed": attempt,
        "verdict": verdict,
        "reason": reason,
        "message": None,
        "score_clip_score": 0.25,
        "score_label_posterior": 0.75,
        "attribute_skin_tone": "dark",
        "seconds": 0.2,
        "batch_size": 16,
        "thumbnail": None if verdict == "failed" else portrait(attempt, "WEBP"),
        **more,
    }
    return cast("LedgerRow", row)

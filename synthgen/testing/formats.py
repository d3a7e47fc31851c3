"""The contract of a `FormatWriter`: what a dataset in a format of one's own relies on."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from synthgen.dataset.formats import FormatWriter
from synthgen.errors import UsageError
from synthgen.ledger import columns
from synthgen.store.layout import CROISSANT
from synthgen.testing.checking import require

CLASSES = ("doctor", "chef", "builder")
_PER_CLASS = 4


def check_format(make: Callable[[], FormatWriter]) -> None:
    """Run every check of the contract.

    Args:
        make: gives a new writer.

    Raises:
        AssertionError: a check fails; it says what was expected.
    """
    for check in FORMAT_CHECKS:
        check(make)


def every_image_is_written_and_every_file_is_named(make: Callable[[], FormatWriter]) -> None:
    """`write` gives a `Manifest` with every split, image and file; files are plain, and their names are for all."""
    _written(make(), {"train": 0.5, "test": 0.5})


def a_split_may_have_no_images(make: Callable[[], FormatWriter]) -> None:
    """A split without images is in the manifest, too, with no rows."""
    _written(make(), {"train": 1.0, "test": 0.0})


def the_same_images_give_the_same_bytes(make: Callable[[], FormatWriter]) -> None:
    """Two datasets of the same images are equal, byte for byte: no clock, no random names."""
    splits = {"train": 0.75, "test": 0.25}
    first, second = _written(make(), splits), _written(make(), splits)
    compared = {*first, *second} - {CROISSANT}  # it has the hashes of the others
    different = sorted(name for name in compared if first.get(name) != second.get(name))
    require(not different, f"the same images must give the same bytes, and {different[:5]} differ")


FORMAT_CHECKS: tuple[Callable[[Callable[[], FormatWriter]], None], ...] = (
    every_image_is_written_and_every_file_is_named,
    a_split_may_have_no_images,
    the_same_images_give_the_same_bytes,
)


def _written(writer: FormatWriter, splits: Mapping[str, float]) -> Mapping[str, str]:
    """Write a small dataset; return the sha256 of each of its files."""
    from synthgen.dataset.finalize import finalize
    from synthgen.dataset.provenance import FormatOrigin, Provenance
    from synthgen.ledger.tally import tally

    origin = FormatOrigin("under test", "your-package 0")
    facts = Provenance("model", "judge", "synthgen: 1\n", "f" * 16, tally(Counter(), {}), format=origin)
    with TemporaryDirectory() as place:
        sources = [_shard(Path(place), shard) for shard in range(2)]
        try:
            summary = finalize(
                sources,
                Path(place) / "dataset",
                name="test",
                classes=CLASSES,
                splits=splits,
                provenance=facts,
                writer=writer,
            )
        except UsageError as error:
            raise AssertionError(error.message) from error
    return summary.digests


def _shard(folder: Path, shard: int) -> Path:
    """Write the accepted images of a shard, as a run does."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = []
    for attempt in range(_PER_CLASS * len(CLASSES)):
        image_id, label = f"{shard:05d}-{attempt:06d}", attempt % len(CLASSES)
        rows.append(
            {
                "id": image_id,
                "image": {"bytes": _png(shard, attempt), "path": f"{image_id}.png"},
                "label": label,
                "prompt": f"a portrait of a {CLASSES[label]}",
                "negative_prompt": "",
                "variables": "{}",
                "seed": 1000 * shard + attempt,
                columns.score("clip_score"): 0.25,
            }
        )
    path = folder / f"{shard:05d}-0123456789abcdef.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def _png(shard: int, attempt: int) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.new("RGB", (16, 12), (10 * attempt, 100 * shard, 50)).save(file, "PNG")
    return file.getvalue()

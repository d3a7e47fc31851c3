"""Pictures are finished in order, some ahead and no more, whatever they were."""

import io
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from synthgen.dataset import pictures as pictures_module
from synthgen.dataset.encoding import Encoding, ending_of
from synthgen.dataset.pictures import PictureFinisher
from synthgen.errors import StorageError

PICTURE = pa.struct({"bytes": pa.binary(), "path": pa.string()})


def encoded(number: int, form: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (4, 4), (number % 256, number // 256, 9)).save(file, form, lossless=True)
    return file.getvalue()


def batch(first: int, count: int, form: str = "PNG") -> pa.RecordBatch:
    numbers = range(first, first + count)
    images = [{"bytes": encoded(number, form), "path": f"{number}.{form.lower()}"} for number in numbers]
    return pa.RecordBatch.from_arrays(
        [pa.array(map(str, numbers)), pa.array(images, PICTURE), pa.array(numbers)], ["id", "image", "number"]
    )


def numbers_in(rows: list[dict[str, dict[str, bytes]]]) -> list[int]:
    pixels = (Image.open(io.BytesIO(row["image"]["bytes"])).convert("RGB").getpixel((0, 0)) for row in rows)
    return [pixel[0] + 256 * pixel[1] for pixel in pixels]  # type: ignore[index]


@pytest.mark.parametrize(("form", "ending"), [("PNG", ".png"), ("JPEG", ".jpg"), ("WEBP", ".webp"), ("GIF", ".gif")])
def test_a_picture_tells_the_ending_of_its_files(form: str, ending: str) -> None:
    assert ending_of(encoded(1, form)) == ending
    for broken in (b"no " + encoded(1, form), encoded(1, form)[:16], b""):
        assert ending_of(broken) is None


def test_pictures_come_in_order_from_several_threads_and_few_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures_module, "cores", lambda: 3)
    monkeypatch.setattr(pictures_module, "_TASK_BYTES", 1)  # a task for each
    read, threads = 0, set()

    def stored() -> Iterator[tuple[str, pa.RecordBatch]]:
        nonlocal read
        for first in range(0, 600, 12):
            read += 12
            yield f"batch {first}", batch(first, 12)

    def seen(picture: bytes, row: object) -> bytes:
        threads.add(threading.get_ident())
        return picture

    finisher, ahead = PictureFinisher(Encoding("webp"), [seen]), 0
    rows: list[dict[str, Any]] = []
    for key, part in finisher.finished(stored()):
        ahead = max(ahead, read - len(rows))
        assert key == f"batch {len(rows) // 12 * 12}"
        rows += part.to_pylist()
    assert [row["number"] for row in rows] == numbers_in(rows) == list(range(600))
    assert {ending_of(row["image"]["bytes"]) for row in rows} == {".webp"}
    assert rows[7]["image"]["path"] == "7.webp"
    assert finisher.encoded == 600
    assert len(threads) > 1
    assert ahead <= 8 * 3 + 2 * 12


def test_large_pictures_are_bounded_by_their_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures_module, "_BYTES", 4000)
    monkeypatch.setattr(pictures_module, "_PIECE_BYTES", 1000)
    parts = [part for _, part in PictureFinisher(Encoding("jpeg")).finished(iter([(None, batch(0, 64))]))]
    assert sum(part.num_rows for part in parts) == 64
    assert max(part.num_rows for part in parts) < 12


def test_what_has_the_format_stays_unless_a_quality_is_asked_for() -> None:
    mixed = pa.Table.from_batches([batch(0, 3, "PNG"), batch(3, 3, "WEBP")]).combine_chunks().to_batches()[0]
    finisher = PictureFinisher(Encoding("png"))
    [(_, part)] = finisher.finished(iter([(None, mixed)]))
    rows, before = part.to_pylist(), mixed.to_pylist()
    assert rows[:3] == before[:3]
    assert numbers_in(rows) == list(range(6))
    assert [row["image"]["path"] for row in rows[2:4]] == ["2.png", "3.png"]
    assert finisher.encoded == 3
    [(_, again)] = PictureFinisher(Encoding("webp", 50)).finished(iter([(None, mixed)]))
    assert again.to_pylist()[5]["image"]["bytes"] != before[5]["image"]["bytes"]


def test_a_picture_that_cannot_be_decoded_is_named() -> None:
    broken = pa.RecordBatch.from_arrays(
        [pa.array(["a/1"]), pa.array([{"bytes": encoded(1)[:40], "path": "1.png"}], PICTURE)], ["id", "image"]
    )
    with pytest.raises(StorageError, match="the image a/1 cannot be encoded as jpeg"):
        list(PictureFinisher(Encoding("jpeg")).finished(iter([(None, broken)])))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16", "CMYK"])
def test_lossless_formats_keep_what_a_picture_shows(mode: str) -> None:
    from synthgen.dataset.encoding import encode
    from synthgen.images import decode

    source = Image.fromarray(np.random.default_rng(0).integers(0, 255, (9, 7, 3), np.uint8))
    if mode == "I;16":
        picture = Image.fromarray(np.asarray(source.convert("L")).astype(np.uint16) * 257)
    else:
        picture = source.convert(mode)
        if mode == "RGBA":
            picture.putalpha(source.convert("L"))
    file = io.BytesIO()
    picture.save(file, "TIFF")
    shown = decode(file.getvalue())
    for form in ("png", "webp"):
        found = encode(file.getvalue(), Encoding(form))
        assert isinstance(found, bytes)
        assert np.array_equal(np.asarray(decode(found).image), np.asarray(shown.image))  # type: ignore[union-attr]

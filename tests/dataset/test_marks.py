"""Marks: XMP in pictures that other programs read, whatever the prompt says, without a change of a pixel."""

import io
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from synthgen.dataset.encoding import Encoding, encode
from synthgen.dataset.marking import ImageFacts, mark, read_mark
from synthgen.dataset.marking.containers import packet_of
from synthgen.dataset.marking.mark import COMPOSITE, CUT, GENERATED
from synthgen.dataset.marking.marking import Marking
from synthgen.errors import StorageError
from synthgen.spec.marks import Marks
from tests.dataset.exiftool import tags_of

FORMS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "a.png": ("PNG", "RGB", {}),
    "transparent.png": ("PNG", "RGBA", {}),
    "grey.png": ("PNG", "L", {}),
    "a.jpg": ("JPEG", "RGB", {}),
    "progressive.jpg": ("JPEG", "RGB", {"progressive": True}),
    "exif.jpg": ("JPEG", "RGB", {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"}),
    "lossy.webp": ("WEBP", "RGB", {}),
    "odd.webp": ("WEBP", "RGB", {"quality": 1}),
    "lossless.webp": ("WEBP", "RGB", {"lossless": True}),
    "transparent.webp": ("WEBP", "RGBA", {"lossless": True}),
    "lossy-transparent.webp": ("WEBP", "RGBA", {}),
    "exif.webp": ("WEBP", "RGB", {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"}),
}
HOSTILE = "a <b> & \"q\" 'a' ]]> <?xpacket end='w'?> <!-- -->" + (
    " line\nline\r\nline\ttab \U0001f469\u200d\U0001f9b2 \u202e e\u0301"
)
FACTS = ImageFacts(
    GENERATED,
    "owner/model",
    "0123abcd",
    f"{HOSTILE}\nNegative prompt: blurry",
    'Ann "the" <Writer>',
    "00000-000001",
    2**63 - 1,
    "f" * 64,
)


def encoded(form: str, mode: str = "RGB", **options: Any) -> bytes:
    channels = {"L": (), "RGB": (3,), "RGBA": (4,)}[mode]
    pixels = np.random.default_rng(7).integers(0, 255, (21, 33, *channels), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, form, **options)
    return file.getvalue()


def pixels_of(picture: bytes) -> bytes:
    return Image.open(io.BytesIO(picture)).tobytes()


@pytest.mark.parametrize("name", FORMS)
def test_a_mark_comes_back_and_changes_no_pixel(name: str) -> None:
    form, mode, options = FORMS[name]
    picture = encoded(form, mode, **options)
    marked = mark(picture, FACTS)
    assert read_mark(picture) is None
    assert read_mark(marked) == FACTS
    assert mark(marked, FACTS) == marked, "it is idempotent"
    assert mark(mark(picture, ImageFacts()), FACTS) == marked, "it takes the place of another"
    assert pixels_of(marked) == pixels_of(picture)
    before, after = (dict(Image.open(io.BytesIO(one)).info) for one in (picture, marked))
    assert before.items() <= after.items(), "what else the file says is still there"
    with Image.open(io.BytesIO(marked)) as opened:
        assert (opened.format, opened.mode, opened.size) == (form, mode, (33, 21))
        assert opened.info["xmp"] == packet_of(marked)


MANY = {
    "plain": [encoded("PNG"), encoded("PNG", "L"), encoded("PNG", "RGBA")],
    "with XMP": [encoded("PNG"), mark(encoded("PNG"), ImageFacts(prompt="another"))],
    "with a text": [encoded("PNG", pnginfo=PngInfo()), encoded("PNG", dpi=(72, 72))],
    "of several formats": [encoded("PNG"), encoded("JPEG"), encoded("WEBP")],
    "with what comes after the end": [encoded("PNG") + b"more"],
}


@pytest.mark.parametrize("pictures", MANY.values(), ids=MANY)
def test_many_pictures_are_marked_together_as_each_is_alone(pictures: list[bytes]) -> None:
    marking = Marking(Marks(prompt_writer="Ann"), COMPOSITE, "owner/model", "0123abcd", "f" * 64)
    rows = pa.record_batch(
        {
            "id": [f"<{place}>" for place in range(len(pictures))],
            "prompt": [HOSTILE, None, "c"][: len(pictures)],
            "negative_prompt": ["blurry", "a", ""][: len(pictures)],
            "seed": pa.array([2**63 - 1, None, 0][: len(pictures)], pa.int64()),
        }
    )
    said = [
        ImageFacts(COMPOSITE, "owner/model", "0123abcd", row["prompt"], "Ann", row["id"], row["seed"], plan="f" * 64)
        for row in rows.to_pylist()
    ]
    said[0] = replace(said[0], prompt=f"{HOSTILE}\nNegative prompt: blurry")
    alone = [mark(picture, facts) for picture, facts in zip(pictures, said, strict=True)]
    stored = pa.array([b"before", *pictures, b"after"])[1:-1]
    assert marking(stored, rows).to_pylist() == alone


@pytest.mark.parametrize("break_off", [40, -13, -5])
def test_a_broken_picture_among_others_is_named(break_off: int) -> None:
    marking = Marking(Marks(), GENERATED, "m", "r", "p")
    pictures, rows = [encoded("PNG"), encoded("PNG")[:break_off]], pa.record_batch({"id": ["one", "two"]})
    with pytest.raises(StorageError, match="image two cannot be marked: it breaks off"):
        marking(pa.array(pictures), rows)


def test_exiftool_reads_the_marks_and_finds_nothing_wrong(tmp_path: Path) -> None:
    for name, (form, mode, options) in FORMS.items():
        (tmp_path / name).write_bytes(mark(encoded(form, mode, **options), FACTS))
    (tmp_path / "composite.png").write_bytes(mark(encoded("PNG"), ImageFacts(COMPOSITE)))
    found = tags_of(sorted(tmp_path.iterdir()))
    assert len(found) == len(FORMS) + 1
    for tags in found:
        name = Path(tags.pop("SourceFile")).name
        # This test's Exif is empty, about which it warns.
        ok, _ = tags.pop("ExifTool:Validate") == "OK", tags.pop("ExifTool:Warning", None)
        assert ok or name.startswith("exif"), (name, tags)
        if name == "composite.png":
            assert tags == {"XMP-iptcExt:DigitalSourceType": COMPOSITE}
            continue
        assert {tag: str(value) for tag, value in tags.items()} == {  # exiftool writes long numbers as texts
            "XMP-iptcExt:DigitalSourceType": "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia",
            "XMP-iptcExt:AISystemUsed": "owner/model",
            "XMP-iptcExt:AISystemVersionUsed": "0123abcd",
            "XMP-iptcExt:AIPromptInformation": FACTS.prompt,
            "XMP-iptcExt:AIPromptWriterName": 'Ann "the" <Writer>',
            "XMP-synthgen:Id": "00000-000001",
            "XMP-synthgen:Seed": str(2**63 - 1),
            "XMP-synthgen:Plan": "f" * 64,
        }, name


@given(st.text(st.characters(), max_size=300))
def test_any_prompt_comes_back_but_for_what_xml_cannot_say(prompt: str) -> None:
    facts = replace(FACTS, prompt=prompt, prompt_writer=prompt)
    found = read_mark(mark(PNG, facts))
    assert found is not None
    said = re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", prompt)
    assert found == replace(facts, prompt=said, prompt_writer=said)


@pytest.mark.parametrize("letter", ["a", "&", '"', "\n", "\U0001f600", "\u4e2d"])
def test_a_long_prompt_is_whole_but_where_a_jpeg_has_no_room(letter: str) -> None:
    facts = replace(FACTS, prompt=letter * 30_000)
    for form in ("PNG", "WEBP"):
        assert read_mark(mark(encoded(form), facts)) == facts
    jpeg = mark(encoded("JPEG"), facts)
    found = read_mark(jpeg)
    assert found is not None
    assert found.prompt is not None
    if found != facts:
        assert replace(found, prompt=facts.prompt) == facts
        kept = found.prompt.removesuffix(CUT)
        assert kept == letter * len(kept) != found.prompt
        assert len(packet_of(jpeg) or b"") > 65_000, "as much as there is room for"
    assert pixels_of(jpeg) == pixels_of(encoded("JPEG"))
    assert read_mark(mark(encoded("JPEG"), replace(facts, prompt=letter * 10_000))) is not None


def test_pillow_keeps_a_mark_only_where_it_is_handed_on() -> None:
    for name, (form, mode, options) in FORMS.items():
        opened = Image.open(io.BytesIO(mark(encoded(form, mode, **options), FACTS)))
        packet = opened.info["xmp"]
        for other in ("PNG", "JPEG", "WEBP"):
            texts = PngInfo()
            texts.add_itxt("XML:com.adobe.xmp", packet.decode())
            handed: dict[str, Any] = {"pnginfo": texts} if other == "PNG" else {"xmp": packet}
            plain, kept = io.BytesIO(), io.BytesIO()
            opened.convert("RGB").save(plain, other)
            opened.convert("RGB").save(kept, other, **handed)
            assert read_mark(plain.getvalue()) is None, (name, other)
            assert read_mark(kept.getvalue()) == FACTS, (name, other)


@pytest.mark.parametrize("new", ["png", "jpeg", "webp"])
def test_a_picture_that_is_encoded_again_keeps_its_mark(new: Literal["png", "jpeg", "webp"]) -> None:
    for form, mode, options in FORMS.values():
        again = encode(mark(encoded(form, mode, **options), FACTS), Encoding(new, 80 if new != "png" else None))
        assert isinstance(again, bytes)
        assert read_mark(again) == FACTS
    long = replace(FACTS, prompt="a" * 70_000)
    cut = encode(mark(encoded("PNG"), long), Encoding(new))
    assert isinstance(cut, bytes)
    assert (read_mark(cut) == long) is (new != "jpeg")
    assert read_mark(cut) is not None


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_what_breaks_off_or_is_no_picture_is_refused(form: str) -> None:
    picture = mark(encoded(form), FACTS)
    header = picture.index(b"xpacket")
    for end in (*range(4, 40), header, header + 100):
        with pytest.raises(ValueError, match=r"breaks off|neither PNG, JPEG nor WebP"):
            mark(picture[:end], FACTS)
        assert read_mark(picture[:end]) is None
    with pytest.raises(ValueError, match="neither PNG, JPEG nor WebP"):
        mark(b"GIF89a", FACTS)


def test_the_xmp_of_others_is_no_mark_and_runs_nothing() -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><x:xmpmeta xmlns:x="adobe:ns:meta/">&b;</x:xmpmeta>'
    for packet in (b"", b"<", b"\xff\xfe<", bomb, b"<x/>"):
        file = io.BytesIO()
        Image.new("RGB", (2, 2)).save(file, "JPEG", xmp=packet or b" ")
        assert read_mark(file.getvalue()) is None
    elements = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description xmlns:e="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">'
        f"<e:DigitalSourceType>{COMPOSITE}</e:DigitalSourceType></rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    file = io.BytesIO()
    Image.new("RGB", (2, 2)).save(file, "WEBP", xmp=elements.encode())
    assert read_mark(file.getvalue()) == ImageFacts(COMPOSITE), "as other tools write it"


PNG = encoded("PNG")

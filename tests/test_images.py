"""Every kind of picture becomes the RGB that its maker saw."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

from synthgen.images import Change, LeftOut, RgbPicture, decode, to_rgb

GREYS = np.arange(256, dtype=np.uint8)[None]
SIXTEEN = np.linspace(0, 65535, 1024).astype(np.uint16)[None]


def greys(picture: RgbPicture | LeftOut) -> NDArray[np.int64]:
    assert isinstance(picture, RgbPicture), picture
    pixels = np.asarray(picture.image).astype(np.int64)
    assert (pixels == pixels[..., :1]).all(), "not grey"
    return pixels[0, :, 0]


def file_of(image: Image.Image, kind: str, **more: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **more)
    return file.getvalue()


def png(depth: int, colour: int, row: bytes, width: int, *chunks: tuple[bytes, bytes]) -> bytes:
    """One row of pixels, as no release of Pillow writes them."""
    header = struct.pack(">IIBBBBB", width, 1, depth, colour, 0, 0, 0)
    whole = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(b"\0" + row)), (b"IEND", b"")]
    parts = [
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in whole
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def tiff(values: NDArray[np.generic], **tags: int) -> bytes:
    found = TiffImagePlugin.ImageFileDirectory_v2()
    for tag, value in tags.items():
        found[int(tag.removeprefix("t"))] = value
    return file_of(Image.fromarray(values), "TIFF", tiffinfo=found)


def in_mode(mode: str) -> Image.Image:
    """The ramp of 256 greys."""
    grey = Image.fromarray(GREYS)
    through = {"La": ("LA",), "RGBa": ("RGBA",), "PA": ("LA",), "HSV": ("RGB",), "CMYK": ("RGB",)}
    for step in (*through.get(mode, ()), mode):
        grey = grey.convert(step)
    return grey


@pytest.mark.parametrize(
    "mode", ["L", "P", "LA", "La", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV", "I", "F"]
)
def test_a_ramp_of_greys_is_the_same_in_every_mode(mode: str) -> None:
    assert np.abs(greys(to_rgb(in_mode(mode))) - GREYS[0]).max() <= 1


FILES = {
    "png": (file_of(Image.fromarray(SIXTEEN), "PNG"), Change.SIXTEEN),
    "tiff": (file_of(Image.fromarray(SIXTEEN), "TIFF"), Change.SIXTEEN),
    "big-endian tiff": (file_of(Image.fromarray(SIXTEEN.astype(">u2")), "TIFF"), Change.SIXTEEN),
    "white is zero": (tiff(65535 - SIXTEEN, t262=0), Change.SIXTEEN),
    "jpeg 2000": (file_of(Image.fromarray(SIXTEEN), "JPEG2000"), Change.SIXTEEN),
    "pgm": (file_of(Image.fromarray(SIXTEEN.astype(np.int32)), "PPM"), Change.SIXTEEN),
    "rgb of 16 bits": (png(16, 2, np.repeat(SIXTEEN[0], 3).astype(">u2").tobytes(), 1024), Change.NONE),
    "grey and alpha of 16 bits": (
        png(16, 4, np.stack([SIXTEEN[0], np.full(1024, 65535)], 1).astype(">u2").tobytes(), 1024),
        Change.NONE,
    ),
    "32 bits": (file_of(Image.fromarray(SIXTEEN.astype(np.int32)), "TIFF"), Change.DEEPER),
    "all of 32 bits": (
        file_of(Image.fromarray((SIXTEEN.astype(np.int64) * 65537 - 2**31).astype(np.int32)), "TIFF"),
        Change.DEEPER,
    ),
    "floats": (file_of(Image.fromarray((SIXTEEN / 65535).astype(np.float32)), "TIFF"), Change.DEEPER),
    "floats of any range": (file_of(Image.fromarray((SIXTEEN / 7 - 99).astype(np.float32)), "TIFF"), Change.DEEPER),
}


@pytest.mark.parametrize(("data", "changes"), FILES.values(), ids=FILES)
def test_deep_files_are_scaled_and_not_clipped(data: bytes, changes: Change) -> None:
    picture = decode(data)
    found = greys(picture)
    assert (np.diff(found) >= 0).all()
    assert np.abs(found - SIXTEEN[0] / 257).max() <= 1
    assert isinstance(picture, RgbPicture)
    assert picture.changes == changes


@given(st.lists(st.integers(0, 65535), min_size=1, max_size=64).map(sorted))
def test_sixteen_bits_keep_their_order_and_their_greys_however_they_are_stored(values: list[int]) -> None:
    row = np.array([values], dtype=np.uint16)
    for image in (row, row.astype(">u2")):
        found = greys(to_rgb(Image.fromarray(image)))
        assert (np.diff(found) >= 0).all()
        assert np.abs(found - row[0] / 257).max() <= 0.5
    assert np.abs(greys(decode(file_of(Image.fromarray(row), "PNG"))) - row[0] / 257).max() <= 0.5
    floats = Image.fromarray((row / 65535).astype(np.float32))
    assert np.abs(greys(to_rgb(floats)) - row[0] / 257).max() <= 0.51


@given(st.lists(st.floats(width=32), min_size=1, max_size=32), st.sampled_from(["F", "I"]))
def test_any_numbers_give_a_picture_whose_order_is_theirs(values: list[float], mode: str) -> None:
    numbers = np.array([sorted(values, key=lambda value: (not np.isnan(value), value))], dtype=np.float32)
    if mode == "I":
        numbers = np.nan_to_num(numbers.astype(np.float64), nan=-(2.0**31)).clip(-(2**31), 2**31 - 1).astype(np.int32)
    found = greys(to_rgb(Image.fromarray(numbers)))
    usable = ~np.isnan(numbers[0].astype(np.float64))
    assert (np.diff(found[usable]) >= 0).all()
    assert (found[~usable] == 0).all()


def hidden_red(mode: str) -> bytes:
    """A blue pixel, and one of a colour that nobody was meant to see."""
    if mode == "RGB with a key":
        image = Image.new("RGB", (2, 1), "blue")
        image.putpixel((1, 0), (255, 0, 0))
        return file_of(image, "PNG", transparency=(255, 0, 0))
    if mode == "RGB of 16 bits with a key":
        row = struct.pack(">6H", 0, 0, 65535, 65535, 0, 255)
        return png(16, 2, row, 2, (b"tRNS", struct.pack(">3H", 65535, 0, 255)))
    if mode.startswith("P"):
        image = Image.new("P", (2, 1))
        image.putpalette([0, 0, 255, 255, 0, 0])
        image.putpixel((1, 0), 1)
        return file_of(image, "PNG", transparency=1 if mode == "P with an int" else b"\xff\0")
    image = Image.new("RGBA", (2, 1), (0, 0, 255, 255))
    image.putpixel((1, 0), (255, 0, 0, 0))
    return file_of(image, mode)


@pytest.mark.parametrize(
    "mode", ["PNG", "WEBP", "TIFF", "GIF", "RGB with a key", "RGB of 16 bits with a key", "P with an int", "P"]
)
def test_transparent_pixels_are_white_and_not_the_colour_that_they_hide(mode: str) -> None:
    picture = decode(hidden_red(mode))
    assert isinstance(picture, RgbPicture)
    blue, clear = np.asarray(picture.image).astype(np.int64)[0]
    assert np.abs(blue - (0, 0, 255)).max() <= 3
    assert clear.tolist() == [255, 255, 255]
    assert picture.changes == Change.GROUND


def half_black(mode: str) -> Image.Image:
    if mode == "PA":
        black = Image.new("P", (1, 1))
        black.putpalette([0, 0, 0])
        black.putalpha(128)
        return black
    return Image.new("LA", (1, 1), (0, 128)).convert("RGBA" if mode == "RGBa" else "LA").convert(mode)


@pytest.mark.parametrize("mode", ["LA", "La", "PA", "RGBa"])
def test_half_of_black_on_white_is_grey_in_every_mode_with_alpha(mode: str) -> None:
    image = half_black(mode)
    assert image.mode == mode
    picture = to_rgb(image)
    assert greys(picture).tolist() == [127]
    assert picture.changes == Change.GROUND


@pytest.mark.parametrize("depth", [8, 16])
def test_a_grey_that_stands_for_transparency_is_white(depth: int) -> None:
    kind = ">u1" if depth == 8 else ">u2"
    row = np.array([0, 7, 2**depth - 1]).astype(kind).tobytes()
    picture = decode(png(depth, 0, row, 3, (b"tRNS", struct.pack(">H", 7))))
    assert greys(picture).tolist() == [0, 255, 255]
    assert isinstance(picture, RgbPicture)
    assert Change.GROUND in picture.changes


def test_an_opaque_picture_with_an_alpha_channel_is_as_it_was() -> None:
    assert to_rgb(Image.new("RGBA", (3, 3), (9, 8, 7, 255))).changes == Change.NONE


def test_a_deep_picture_is_still_turned_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = decode(file_of(Image.fromarray(np.full((2, 5), 65535, np.uint16)), "PNG", exif=exif))
    assert isinstance(picture, RgbPicture)
    assert picture.image.size == (2, 5)


def strange_dds() -> bytes:
    pixel_format = struct.pack("<II4s5I", 32, 4, b"????", 0, 0, 0, 0, 0)
    return b"DDS " + struct.pack("<7I44x", 124, 0x1007, 4, 4, 0, 0, 0) + pixel_format + bytes(20)


def damaged_avif() -> bytes:
    """Find a byte that makes the decoder of AVIF raise what Pillow does not turn into an error of its own."""
    whole = file_of(Image.linear_gradient("L").resize((16, 16)).convert("RGB"), "AVIF")
    for place in range(60, len(whole)):
        data = whole[:place] + b"\0" + whole[place + 1 :]
        try:
            Image.open(io.BytesIO(data)).load()
        except RuntimeError:
            return data
        except (OSError, SyntaxError):
            continue
    pytest.fail("no byte makes it raise RuntimeError")


def damaged_blp() -> bytes:
    whole = file_of(Image.new("P", (16, 16)), "BLP")
    return whole[:12] + b"\xff" * 4 + whole[16:]  # its width


BROKEN = {
    "no picture": b"no picture",
    "nothing": b"",
    "a DDS that raises NotImplementedError": strange_dds(),
    "an AVIF that raises RuntimeError": damaged_avif(),
    "a BLP that raises ValueError": damaged_blp(),
    "a bomb": png(8, 2, b"", 2**31 - 1),
    "cut": FILES["png"][0][:80],
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_whatever_a_decoder_raises_belongs_to_its_image(data: bytes) -> None:
    found = decode(data)
    assert isinstance(found, LeftOut)
    assert found.reason == "that cannot be opened"
    assert found.detail


@given(st.data())
def test_damaged_files_never_raise(data: st.DataObject) -> None:
    files = [*(each for each, _ in FILES.values()), hidden_red("WEBP"), strange_dds()]
    whole = bytearray(data.draw(st.sampled_from(files)))
    for place in data.draw(st.lists(st.integers(0, len(whole) - 1), min_size=1, max_size=8)):
        whole[place] = data.draw(st.integers(0, 255))
    assert isinstance(decode(bytes(whole)), RgbPicture | LeftOut)


def test_a_pointer_of_git_lfs_is_called_one() -> None:
    found = decode(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    assert isinstance(found, LeftOut)
    assert "Git LFS pointers" in found.reason


def test_bytes_that_are_no_picture_are_told_the_same_each_time() -> None:
    found = [decode(data) for data in (b"no picture", b"no picture", b"")]
    assert all(
        isinstance(one, LeftOut) and one.detail == "it is no picture, or of a format that is not read" for one in found
    )

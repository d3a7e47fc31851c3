"""XMP in the files of pictures: put into PNG, JPEG and WebP, and taken out, without a look at the pixels. Pure.

The layouts are those of the XMP specification, part 3 (storage in files), of PNG (iTXt, section 11.3.3.4) and of WebP's
container (RFC 9649).
"""

import zlib
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_HEADER: Final = _PNG + b"\0\0\0\x0dIHDR"
_HEADER_ENDS: Final = len(_HEADER) + 13 + 4
_KEYWORD: Final = b"XML:com.adobe.xmp"
_NO_COMPRESSION: Final = b"\0\0\0\0\0"
"""After the keyword: its end, not compressed, no method, no language, no translation."""
_APP1: Final = b"http://ns.adobe.com/xap/1.0/\0"
_EXTENDED: Final = b"http://ns.adobe.com/xmp/extension/\0"
_MOST_IN_SEGMENT: Final = 65_535 - 2 - len(_APP1)
_MOST_READ: Final = 1 << 20
"""Bytes of a compressed packet that are unpacked."""
_OTHER: Final = "it is neither PNG, JPEG nor WebP"
_C2PA: Final = b"jumdc2pa"
"""The box of JUMBF that describes a store of manifests (C2PA 2.1, section 11.1.4.2), in a JPEG's APP11."""
_HAS_ALPHA, _HAS_XMP = 0x10, 0x04


def media_type(picture: bytes) -> str:
    """Name the picture's format.

    Raises:
        ValueError: it is neither PNG, JPEG nor WebP.
    """
    if picture.startswith(_PNG):
        return "image/png"
    if _is_jpeg(picture):
        return "image/jpeg"
    if _is_webp(picture):
        return "image/webp"
    raise ValueError(_OTHER)


def room_for_packet(picture: bytes) -> int | None:
    """How many bytes a packet may have in this picture's format; None if any number."""
    return _MOST_IN_SEGMENT if _is_jpeg(picture) else None


def with_packet(picture: bytes, packet: bytes) -> bytes:
    """Return the picture with this XMP packet in place of any other.

    Raises:
        ValueError: it is neither PNG, JPEG nor WebP, or breaks off; or the packet is too large for it.
    """
    if picture.startswith(_PNG):
        return _png_with(picture, packet)
    if _is_jpeg(picture):
        return _jpeg_with(picture, packet)
    if _is_webp(picture):
        return _webp_with(picture, packet)
    raise ValueError(_OTHER)


def with_packets(pictures: pa.BinaryArray, packets: Sequence[bytes]) -> pa.BinaryArray | None:
    """Do what `with_packet` does, for many pictures at once, most of it without the interpreter's lock.

    Returns:
        None if one of them is anything but a PNG without XMP: then each is to be looked at.
    """
    assert pictures.type == pa.binary(), "offsets have 32 bits"
    _, offsets, content = pictures.buffers()
    ends = np.frombuffer(offsets, np.int32, len(pictures) + 1, pictures.offset * 4).astype(np.int64)
    headers_end = ends[:-1] + _HEADER_ENDS
    if not pc.all(pc.starts_with(pictures, _HEADER), skip_nulls=False).as_py():
        return None
    if not _hold_pixels_only(np.frombuffer(content, np.uint8), headers_end, ends[1:]):
        return None
    # Each is seen as a list of two parts, in place, and joined by the chunk that comes between them.
    cuts = np.append(np.column_stack([ends[:-1], headers_end]), ends[-1:]).astype(np.int32)
    parts = pa.BinaryArray.from_buffers(pa.binary(), 2 * len(pictures), [None, pa.py_buffer(cuts), content])
    lists = pa.ListArray.from_arrays(np.arange(0, 2 * len(pictures) + 1, 2, dtype=np.int32), parts)
    return pc.binary_join(lists, pa.array(map(_png_chunk, packets), pa.binary()))


def _hold_pixels_only(content: NDArray[np.uint8], begins: NDArray[np.int64], ends: NDArray[np.int64]) -> bool:
    """Whether there is nothing but IDAT chunks and an IEND chunk in each of these stretches."""
    while len(begins):
        if (begins + 12 > ends).any():
            return False
        heads = content[begins[:, None] + np.arange(8)]
        lengths = heads[:, :4].copy().view(">u4")[:, 0].astype(np.int64)
        kinds = heads[:, 4:].copy().view("S4")[:, 0]
        begins = begins + 12 + lengths
        last = kinds == b"IEND"
        if not (last | (kinds == b"IDAT")).all() or (begins[last] != ends[last]).any():
            return False
        begins, ends = begins[~last], ends[~last]
    return True


def packet_of(picture: bytes) -> bytes | None:
    """Return the XMP packet of a picture; None if it has none, or is of another format.

    Raises:
        ValueError: the picture breaks off.
    """
    if picture.startswith(_PNG):
        texts = (picture[begin + 8 : end - 4] for kind, begin, end in _chunks(picture) if kind == b"iTXt")
        return next((_unpacked(text) for text in texts if _holds_xmp(b"iTXt", text)), None)
    if _is_jpeg(picture):
        segments = (body for _, body, _ in _segments(picture) if body.startswith(_APP1))
        return next((body.removeprefix(_APP1) for body in segments), None)
    if _is_webp(picture):
        return next((body for kind, body in _riff(picture) if kind == b"XMP "), None)
    return None


def holds_manifest(picture: bytes) -> bool:
    """Whether a picture carries a C2PA manifest. Nothing is checked of what it says.

    Raises:
        ValueError: the picture breaks off.
    """
    if picture.startswith(_PNG):
        return any(kind == b"caBX" for kind, _, _ in _chunks(picture))
    if _is_jpeg(picture):
        return any(marker == 0xEB and _C2PA in body for marker, body, _ in _segments(picture))
    return _is_webp(picture) and any(kind == b"C2PA" for kind, _ in _riff(picture))


def _is_jpeg(picture: bytes) -> bool:
    return picture.startswith(b"\xff\xd8\xff")


def _is_webp(picture: bytes) -> bool:
    return picture.startswith(b"RIFF") and picture[8:12] == b"WEBP"


def _png_with(picture: bytes, packet: bytes) -> bytes:
    chunk = _png_chunk(packet)
    whole, kept = memoryview(picture), 0
    parts: list[bytes | memoryview] = []  # what stays is copied once, in few pieces: it is most of the file
    for kind, begin, end in _chunks(picture):
        if kind == b"IHDR":  # before the pixels: readers that stop there find it, too
            parts += [whole[kept:end], chunk]
            kept = end
        elif _holds_xmp(kind, picture[begin + 8 : begin + 64]):
            parts.append(whole[kept:begin])
            kept = end
    return b"".join((*parts, whole[kept:]))


def _png_chunk(packet: bytes) -> bytes:
    body = b"".join((b"iTXt", _KEYWORD, _NO_COMPRESSION, packet))
    return b"".join(((len(body) - 4).to_bytes(4), body, zlib.crc32(body).to_bytes(4)))


def _chunks(picture: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield the kind of each chunk, where it begins and where it ends."""
    begin, kind = len(_PNG), b""
    while kind != b"IEND":
        end = begin + 12 + int.from_bytes(picture[begin : begin + 4])
        if end > len(picture):
            raise ValueError("it breaks off")
        kind = picture[begin + 4 : begin + 8]
        yield kind, begin, end
        begin = end


def _holds_xmp(kind: bytes, body: bytes) -> bool:
    return kind == b"iTXt" and body.startswith(_KEYWORD + b"\0")


def _unpacked(body: bytes) -> bytes:
    """Take the text out of an iTXt chunk."""
    compressed = body[len(_KEYWORD) + 1 : len(_KEYWORD) + 2] == b"\1"
    *_, text = body[len(_KEYWORD) + 3 :].split(b"\0", 2)
    if not compressed:
        return text
    try:
        return zlib.decompressobj().decompress(text, _MOST_READ)
    except zlib.error as error:
        raise ValueError("its XMP is damaged") from error


def _jpeg_with(picture: bytes, packet: bytes) -> bytes:
    if len(packet) > _MOST_IN_SEGMENT:
        raise ValueError(f"a JPEG has room for {_MOST_IN_SEGMENT} bytes of XMP, and this has {len(packet)}")
    segment = b"\xff\xe1" + (2 + len(_APP1) + len(packet)).to_bytes(2) + _APP1 + packet
    before, scans = [b"\xff\xd8"], 2
    after: list[bytes] = []
    for marker, body, end in _segments(picture):
        scans = end
        if marker == 0xE1 and body.startswith((_APP1, _EXTENDED)):
            continue
        # What JFIF and Exif say comes first in a file.
        is_first = not after and (marker == 0xE0 or (marker == 0xE1 and body.startswith(b"Exif\0")))
        (before if is_first else after).append(bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2) + body)
    return b"".join((*before, segment, *after, memoryview(picture)[scans:]))


def _segments(picture: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Yield marker and content of each segment before the first scan, and where it ends."""
    place = 2
    while True:
        if picture[place : place + 1] != b"\xff":
            raise ValueError("it breaks off")
        marker = picture[place + 1 : place + 2]
        if marker == b"\xff":  # a filler
            place += 1
            continue
        if marker in (b"\xda", b"\xd9"):
            return
        end = place + 2 + int.from_bytes(picture[place + 2 : place + 4])
        if end > len(picture) or end < place + 4:
            raise ValueError("it breaks off")
        yield marker[0], picture[place + 4 : end], end
        place = end


def _webp_with(picture: bytes, packet: bytes) -> bytes:
    chunks = [(kind, body) for kind, body in _riff(picture) if kind != b"XMP "]
    if not chunks:
        raise ValueError("it breaks off")
    kind, body = chunks[0]
    if kind == b"VP8X" and body:
        chunks[0] = kind, bytes((body[0] | _HAS_XMP,)) + body[1:]
    else:
        chunks.insert(0, (b"VP8X", _extended_header(kind, body)))
    parts = [
        kind + len(body).to_bytes(4, "little") + body + b"\0" * (len(body) % 2)
        for kind, body in (*chunks, (b"XMP ", packet))
    ]
    content = b"WEBP" + b"".join(parts)
    return b"RIFF" + len(content).to_bytes(4, "little") + content


def _extended_header(kind: bytes, body: bytes) -> bytes:
    """Make the header that a file with metadata needs, from that of its picture: flags, width and height."""
    if kind == b"VP8 " and len(body) >= 10:
        width, height = (int.from_bytes(body[place : place + 2], "little") & 0x3FFF for place in (6, 8))
        flags = _HAS_XMP
    elif kind == b"VP8L" and len(body) >= 5:
        bits = int.from_bytes(body[1:5], "little")
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        flags = _HAS_XMP | (_HAS_ALPHA if bits >> 28 & 1 else 0)
    else:
        raise ValueError("it breaks off")
    return bytes((flags, 0, 0, 0)) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")


def _riff(picture: bytes) -> Iterator[tuple[bytes, bytes]]:
    place, whole = 12, 8 + int.from_bytes(picture[4:8], "little")
    if whole > len(picture):
        raise ValueError("it breaks off")
    while place < whole:
        end = place + 8 + int.from_bytes(picture[place + 4 : place + 8], "little")
        if end > whole:
            raise ValueError("it breaks off")
        yield picture[place : place + 4], picture[place + 8 : end]
        place = end + end % 2

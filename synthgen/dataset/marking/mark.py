"""What an image says of itself, as XMP: that a model made it, which one, from which prompt and seed. Pure.

The properties are those of the IPTC Photo Metadata Standard 2025.1, and three of synthgen's own.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Final
from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr

from synthgen.dataset.marking.containers import packet_of, room_for_packet, with_packet

IPTC: Final = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
OWN: Final = "https://synthgen.github.io/synthgen/provenance.html#"
"""The namespace of what IPTC has no property for. It never changes."""
_RDF: Final = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_META: Final = "adobe:ns:meta/"

_TYPES: Final = "http://cv.iptc.org/newscodes/digitalsourcetype/"
GENERATED: Final = f"{_TYPES}trainedAlgorithmicMedia"
"""A model made all of the image."""
COMPOSITE: Final = f"{_TYPES}compositeWithTrainedAlgorithmicMedia"
"""A model drew a part of a picture again, or what lies around it."""

CUT: Final = " [...]"
"""The end of a prompt that did not fit into a JPEG."""
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 has no way to write."""
_BEGIN: Final = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'.encode()
_END: Final = b'<?xpacket end="w"?>'


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What an image says of itself. None is not said.

    Attributes:
        source_type: IPTC's Digital Source Type: `GENERATED` or `COMPOSITE`.
        system, version: the model that made it, and its revision.
        prompt: with the negative one on lines of its own.
        prompt_writer: the name of a person.
        id, seed: of the image; `plan`, the fingerprint of the plan that it was made by.
    """

    source_type: str = GENERATED
    system: str | None = None
    version: str | None = None
    prompt: str | None = None
    prompt_writer: str | None = None
    id: str | None = None
    seed: int | None = None
    plan: str | None = None


_NAMES: Final = {
    "source_type": "Iptc4xmpExt:DigitalSourceType",
    "system": "Iptc4xmpExt:AISystemUsed",
    "version": "Iptc4xmpExt:AISystemVersionUsed",
    "prompt": "Iptc4xmpExt:AIPromptInformation",
    "prompt_writer": "Iptc4xmpExt:AIPromptWriterName",
    "id": "synthgen:id",
    "seed": "synthgen:seed",
    "plan": "synthgen:plan",
}
_SPACES: Final = {"Iptc4xmpExt": IPTC, "synthgen": OWN}


def mark(picture: bytes, facts: ImageFacts) -> bytes:
    """Return the picture with its facts as XMP, in place of any other XMP. The pixels are not touched.

    Of a prompt that is too long for a JPEG, the end is left out, as `CUT` says there. A character that XML cannot have
    becomes U+FFFD.

    Raises:
        ValueError: it is neither PNG, JPEG nor WebP, or breaks off.
    """
    return with_packet(picture, _fitting(facts, room_for_packet(picture)))


def read_mark(picture: bytes) -> ImageFacts | None:
    """Return what an image says of itself; None if it does not say that a model made it, or changed it."""
    try:
        packet = packet_of(picture)
        # What declares entities of its own is no mark, and could ask for any amount of memory.
        if packet is None or b"<!" in packet:
            return None
        root = ElementTree.fromstring(packet)
    except (ValueError, ElementTree.ParseError, LookupError):
        return None
    found = {name: _value(root, name) for name in _NAMES}
    if found["source_type"] not in (GENERATED, COMPOSITE):
        return None
    seed = found.pop("seed")
    kind = found.pop("source_type") or GENERATED
    return ImageFacts(kind, **found, seed=int(seed) if seed and re.fullmatch("[0-9]{1,20}", seed) else None)


def hand_on(old: bytes, new: bytes) -> bytes:
    """Return a picture that was encoded again with the XMP of the one that it was made from, if that had any.

    A signature is not handed on: it is only good for the file that was signed.
    """
    try:
        packet, room = packet_of(old), room_for_packet(new)
        if packet is None:
            return new
        if room is not None and len(packet) > room:
            facts = read_mark(old)
            return new if facts is None else mark(new, facts)
        return with_packet(new, packet)
    except ValueError:  # what it said cannot be read, and is nothing that synthgen wrote
        return new


def _fitting(facts: ImageFacts, room: int | None) -> bytes:
    packet = _packet(facts)
    if room is None or len(packet) <= room or facts.prompt is None:
        return packet
    prompt = facts.prompt
    longest = _last(lambda length: len(_packet(replace(facts, prompt=prompt[:length] + CUT))) <= room, len(prompt))
    return _packet(replace(facts, prompt=prompt[:longest] + CUT))


def _last(fits: Callable[[int], bool], end: int) -> int:
    """Return the last number before `end` that fits, where none fits after the first that does not."""
    begin = 0
    while begin < end - 1:
        middle = (begin + end) // 2
        begin, end = (middle, end) if fits(middle) else (begin, middle)
    return begin


def packets(shared: ImageFacts, rows: Iterable[tuple[str | None, str | None, int | None]]) -> list[bytes]:
    """Write the packet of each image: what is the same for all, and the prompt, id and seed of each."""
    before, between, after = _fixed(replace(shared, prompt=None, id=None, seed=None))
    return [
        b"".join((before, _said("prompt", prompt), between, _named(image_id, seed), after))
        for prompt, image_id, seed in rows
    ]


def _packet(facts: ImageFacts) -> bytes:
    return packets(facts, [(facts.prompt, facts.id, facts.seed)])[0]


@lru_cache(16)
def _fixed(facts: ImageFacts) -> tuple[bytes, bytes, bytes]:
    """Write what stands before a prompt, between it and an id, and after a seed: `_NAMES` has them in order."""
    begin, end = _around()
    said = {name: _said(name, getattr(facts, name)) for name in _NAMES}
    before = b"".join((begin, said["source_type"], said["system"], said["version"]))
    return before, said["prompt_writer"], b"".join((said["plan"], end))


@lru_cache(256)
def _said(name: str, value: str | None) -> bytes:
    """Write a property as an attribute, which keeps line breaks: a reader of XML makes another of those in a text."""
    if value is None:
        return b""
    return f" {_NAMES[name]}={quoteattr(_NOT_XML.sub(chr(0xFFFD), value))}".encode()


def _named(image_id: str | None, seed: int | None) -> bytes:
    """Write an id and a seed, which are other ones in each image."""
    name = b"" if image_id is None else _said.__wrapped__("id", image_id)
    return name if seed is None else b'%b %b="%d"' % (name, _NAMES["seed"].encode(), seed)


@cache
def _around() -> tuple[bytes, bytes]:
    """Write what is the same in every packet: it takes ten times as long as the rest."""
    root = ElementTree.Element("x:xmpmeta", {"xmlns:x": _META})
    rdf = ElementTree.SubElement(root, "rdf:RDF", {"xmlns:rdf": _RDF})
    spaces = {f"xmlns:{prefix}": space for prefix, space in _SPACES.items()}
    ElementTree.SubElement(rdf, "rdf:Description", {"rdf:about": "", **spaces})
    begin, _, end = ElementTree.tostring(root, encoding="utf-8").rpartition(b" /></rdf:RDF>")
    return b"\n".join((_BEGIN, begin)), b"\n".join((b" /></rdf:RDF>" + end, _END))


def _value(root: ElementTree.Element, name: str) -> str | None:
    """Read a simple property, as an attribute or as an element: other tools write either."""
    prefix, _, key = _NAMES[name].partition(":")
    qualified = f"{{{_SPACES[prefix]}}}{key}"
    for described in root.iter(f"{{{_RDF}}}Description"):
        if (value := described.get(qualified)) is not None:
            return value
        if (element := described.find(qualified)) is not None:
            return element.text or element.get(f"{{{_RDF}}}resource")
    return None

"""Names of files and folders that every file system can hold, made of texts that may be anything."""

import re
import unicodedata
from collections.abc import Sequence
from hashlib import sha256

from synthgen.sets.image_folder import is_split

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_LOWER = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_MARKED = re.compile(r".*-[0-9a-f]{20}")
_WINDOWS = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(10))}
"""Names of devices there, with whatever ending."""
_LONGEST = 40


def file_stem(text: str) -> str:
    """Return a name for the file of what is called `text`: other texts have other names, in any case of letters.

    Lower-case letters, digits, `-` and `_` stay as they are. Of anything else, what can be read comes first, and then
    a part of its sha256.
    """
    if _LOWER.fullmatch(text) and not _MARKED.fullmatch(text) and text not in _WINDOWS:
        return text
    return f"{_legible(text).lower() or 'x'}-{sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:20]}"


def class_folders(classes: Sequence[str]) -> tuple[str, ...]:
    """Return a folder's name for each class. Sorted, they are in the order of the labels.

    They are the names of the classes if all of these are plain and in the order of the alphabet. Otherwise each begins
    with the label, which makes them different and sorts them, and goes on with what can be read of the name.
    """
    differ = len({name.casefold() for name in classes}) == len(classes)
    if differ and all(map(_is_plain, classes)) and [*classes] == sorted(classes):
        return tuple(classes)
    width = len(str(len(classes) - 1))
    return tuple(f"{label:0{width}d}-{_legible(name)}".rstrip("-") for label, name in enumerate(classes))


def is_reserved(name: str) -> bool:
    """Whether Windows has a device of this name, so that it cannot be that of a folder."""
    return name.partition(".")[0].casefold() in _WINDOWS


def _is_plain(name: str) -> bool:
    return _PLAIN.fullmatch(name) is not None and not is_reserved(name) and not is_split(name)


def _legible(text: str) -> str:
    """Return the letters and digits of a text that ASCII has, without accents, and `-` for the others."""
    known = unicodedata.normalize("NFKD", text[:1000]).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9]+", "-", known).strip("-")[:_LONGEST].strip("-")

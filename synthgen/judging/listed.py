"""The names of open_clip's own judges, `architecture/weights`. Importing this file imports no torch."""

import re
from difflib import SequenceMatcher
from functools import cache
from importlib.resources import files

_SIZES = {"base": "b", "large": "l", "huge": "h", "giant": "g"}
_NO_DISTINCTION = {"clip", "patch", "hf", "hub"}


def is_listed(name: str) -> bool:
    """Whether open_clip has weights of this name. It is itself asked only for a name that the tested version lacks."""
    if name in _known():
        return True
    import open_clip

    return "/" in name and bool(open_clip.get_pretrained_cfg(*name.split("/", 1)))


def nearest(name: str, count: int = 3) -> list[str]:
    """Return the listed names that resemble `name` most, the best first.

    Parts of a name count wherever they stand: `openai/clip-vit-base-patch32` is `ViT-B-32/openai` here.

    Example:
        >>> nearest("openai/clip-vit-base-patch32", 1) == ["ViT-B-32/openai"]
        True
    """
    wanted = _parts(name)

    def closeness(listed: str) -> tuple[float, float]:
        parts = _parts(listed)
        return len(wanted & parts) / len(wanted | parts), SequenceMatcher(None, name.lower(), listed.lower()).ratio()

    return sorted(_known(), key=closeness, reverse=True)[:count]


@cache
def _known() -> frozenset[str]:
    """Read the list of the tested version of open_clip: importing that one takes seconds."""
    return frozenset(files("synthgen.judging").joinpath("listed.txt").read_text("utf-8").split())


def _parts(name: str) -> set[str]:
    parts = re.findall(r"[a-z]+|\d+", name.lower())
    return {_SIZES.get(part, part) for part in parts} - _NO_DISTINCTION

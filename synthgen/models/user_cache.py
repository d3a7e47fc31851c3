"""The folder in the user's cache where synthgen keeps its notes."""

import os
from pathlib import Path


def user_cache(kind: str) -> Path | None:
    """Return the folder for notes of this kind, which may not exist yet; None if the user has no home folder."""
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))
    try:
        return (given if given.is_absolute() else Path.home() / ".cache") / "synthgen" / kind
    except RuntimeError:
        return None

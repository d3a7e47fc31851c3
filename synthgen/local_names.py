"""The names of places on this machine: what cannot be one is refused before any work."""

import os
import re
from pathlib import Path

from synthgen.errors import UsageError

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
"""What an address begins with; a letter of a drive is shorter."""


def check_name_is_text(path: str | os.PathLike[str]) -> None:
    """Refuse a path that is not valid UTF-8, by a UsageError."""
    try:
        os.fspath(path).encode()
    except UnicodeEncodeError as error:
        hint = "Rename it, or choose another one. If the name is UTF-8 and the locale is not, set PYTHONUTF8=1."
        raise UsageError(f"{os.fspath(path)!r} is not a name in UTF-8", hint=hint) from error


def check_is_no_address(path: Path) -> None:
    """Refuse an address such as s3://bucket/prefix, which would become a folder `s3:`, by a UsageError."""
    scheme, *rest = path.parts or ("",)
    if rest and _SCHEME.fullmatch(scheme) and not Path(scheme).exists():
        what = f"expected a place on this machine, found the address {scheme}//{'/'.join(rest)}"
        raise UsageError(what, hint="Name a folder here, and copy it from there. Only a run may be at an address.")

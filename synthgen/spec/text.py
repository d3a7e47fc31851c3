"""The text of a spec's file."""

import codecs
import re
from pathlib import Path

from synthgen.bounded import near_name
from synthgen.errors import Problem, SpecError

MAX_BYTES = 5_000_000
START_HINT = "`synthgen init` writes a spec to start from."
KEYS_HINT = "`synthgen schema` prints every key; docs/specs.md explains them."
VARIABLES_HINT = (
    "Write ${NAME} where the value belongs, and declare NAME in `vars` if it has a default: see docs/specs.md."
)
YAML_HINT = "Fix the YAML there; the keys and values of the spec are checked after that."
_UTF16_OR_32 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)
_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_FILE = "Check that this is the right file, and that it is UTF-8 text."


def read_text(path: Path) -> str:
    """Read the text of a spec file, without a byte-order mark.

    Raises:
        SpecError: the file cannot be read, is larger than `MAX_BYTES`, or is not UTF-8 text.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        hint = f"Did you mean {close}?" if (close := _close_to(path)) else START_HINT
        raise refused(str(path), "file not found", hint) from None
    except IsADirectoryError:
        raise refused(str(path), "this is a folder; expected a YAML file", "Give the YAML file in it.") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise refused(str(path), f"cannot be read: {reason}", "Check its permissions.") from None
    return decoded(data, str(path))


def decoded(data: bytes, file: str) -> str:
    """Decode the bytes of a spec, of which at most `MAX_BYTES` + 1 were read, and drop a byte-order mark.

    Raises:
        SpecError: they are more than `MAX_BYTES`, or not text in UTF-8.
    """
    if len(data) > MAX_BYTES:
        message = f"too large: more than {MAX_BYTES // 1_000_000} MB; a spec has a few kilobytes"
        raise refused(file, message, _FILE, line=1)
    if data.startswith(_UTF16_OR_32):
        raise refused(file, "the file is encoded as UTF-16 or UTF-32; save it as UTF-8", _FILE, line=1)
    text = data.removeprefix(codecs.BOM_UTF8)
    if b"\0" in text:
        raise refused(file, "this is a binary file; expected YAML text", _FILE, line=1)

    try:
        return text.decode()
    except UnicodeDecodeError as error:
        line, column = place_after(text[: error.start].decode())
        message = f"the byte 0x{text[error.start]:02x} is not valid UTF-8; save the file as UTF-8"
        raise SpecError([Problem(file, line, column, message)], hint=_FILE) from None


def lines_of(text: str) -> list[str]:
    """Return the lines of a text as YAML counts them, the last one perhaps empty."""
    return _BREAK.split(text)


def place_after(text: str) -> tuple[int, int]:
    """Return the line and the column that follow a text, both counted from 1."""
    *lines, last = lines_of(text)
    return len(lines) + 1, len(last) + 1


def refused(file: str, message: str, hint: str, *, line: int = 0) -> SpecError:
    """Refuse a whole file; where it could not be read, no line is to blame."""
    return SpecError([Problem(file, line, line, message)], hint=hint)


def _close_to(path: Path) -> str | None:
    """Find a spec whose name is like that of a file that does not exist."""
    folders = {path.parent, Path("specs")}
    known = {
        str(file.name): str(file) for folder in folders for end in ("yaml", "yml") for file in folder.glob(f"*.{end}")
    }
    close = near_name(path.name, known)
    return known[close] if close else None

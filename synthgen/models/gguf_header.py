"""The header of a GGUF file, as far as it tells what the file is for. Reads no weights."""

from importlib.util import find_spec
from pathlib import Path

from synthgen.errors import ModelError, UsageError, first_line

_MAGIC = b"GGUF"


def check_gguf(file: Path) -> str | None:
    """Return the architecture that a GGUF file says its weights have, such as `flux`; None if it says none.

    Raises:
        ModelError: the package that reads such files is not installed, or there is no such file.
        UsageError: it is not a whole GGUF file.
    """
    if not file.is_file():
        raise ModelError(f"{file} is not a regular file", hint="Check its `id`.")
    if find_spec("gguf") is None:
        raise ModelError(f"{file.name} needs the package gguf: pip install gguf", hint="Or choose safetensors.")
    try:
        with file.open("rb") as opened:
            if opened.read(4) != _MAGIC:
                raise ValueError("it does not begin as such a file does")
        from gguf import GGUFReader

        found = GGUFReader(file).get_field("general.architecture")
        said = found.contents() if found is not None else None
    except Exception as error:  # it raises what a strange file leads it to
        hint = "Download it again, or choose another file."
        raise UsageError(f"{file} is not a whole GGUF file: {first_line(error)}", hint=hint) from error
    return said if isinstance(said, str) else None

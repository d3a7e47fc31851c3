"""The folder of a tuning: which files it has, and what may be in it before."""

from __future__ import annotations

import os
from pathlib import Path

from synthgen.bounded import read_object
from synthgen.errors import StorageError, UsageError
from synthgen.files import as_storage_error, check_room
from synthgen.tuning.settings import most_common

RECORD, WEIGHTS, README = "tune.json", "pytorch_lora_weights.safetensors", "README.md"
CHECKPOINT, SAMPLES, NEAREST = "checkpoint.pt", "samples", "nearest.png"
_NAMES = {RECORD, WEIGHTS, README, CHECKPOINT, SAMPLES, NEAREST}


def check_tuning_folder(folder: Path) -> None:
    """Check, before any work is done, that a tuning can be written into a folder, or go on there.

    Raises:
        UsageError: it has other files.
        StorageError: it cannot be written.
    """
    check_room(folder)
    with as_storage_error(folder):
        names = sorted(os.listdir(folder)) if folder.is_dir() else []
    if others := [name for name in names if name not in _NAMES and not name.startswith(".")]:
        what = f"{folder} has other files: {most_common(others)}"
        raise UsageError(what, argument="output", hint="Name a new folder. Nothing in this one was changed.")


def finished(folder: Path) -> dict[str, object] | None:
    """Read the record of a tuning that is done; None if there is none.

    Raises:
        StorageError: it is damaged.
    """
    path = folder / RECORD
    if not path.exists():
        return None
    try:
        found = read_object(path)
    except (OSError, ValueError) as error:
        raise StorageError(f"{path} is damaged: {error}", hint="Delete it, and tune again.") from error
    return dict(found)


def strip_of(folder: Path, step: int) -> Path:
    """Return the path of what the model draws after so many steps."""
    return folder / SAMPLES / f"step-{step:06d}.png"

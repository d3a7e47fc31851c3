"""The folder of a tuning: which files it has, and what may be in it before."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from synthgen.errors import StorageError, UsageError
from synthgen.files import as_storage_error, check_room, make_folder
from synthgen.holders import named
from synthgen.leftovers import alone
from synthgen.tuning.settings import most_common

RECORD, WEIGHTS, README = "tune.json", "pytorch_lora_weights.safetensors", "README.md"
WORD_WEIGHTS = "learned_embeds.safetensors"
"""The file of a learnt word, as diffusers calls it; that of a LoRA is `WEIGHTS`."""
CHECKPOINT, SAMPLES, NEAREST, PRIOR = "checkpoint.pt", "samples", "nearest.png", "prior"
_NAMES = {RECORD, WEIGHTS, WORD_WEIGHTS, README, CHECKPOINT, SAMPLES, NEAREST, PRIOR}


def check_tuning_folder(folder: Path) -> None:
    """Check, before any work is done, that a tuning can be written into a folder, or go on there.

    Raises:
        UsageError: it is a file, or in one, or has other files.
        StorageError: it cannot be written.
    """
    with as_storage_error(folder):
        place = next(step for step in (folder, *folder.absolute().parents) if step.exists())
    if not place.is_dir():
        raise UsageError(f"{place} is a file and not a folder", argument="output", hint="Name a new folder.")
    check_room(folder)
    with as_storage_error(folder):
        names = sorted(os.listdir(folder)) if folder.is_dir() else []
    if others := [name for name in names if name not in _NAMES and not name.startswith(".")]:
        what = f"{folder} has other files: {most_common(others)}"
        raise UsageError(what, argument="output", hint="Name a new folder. Nothing in this one was changed.")


@contextmanager
def tuning_alone(folder: Path) -> Iterator[None]:
    """Make a folder, and keep other processes from tuning into it until the block ends.

    A new folder that is empty at the end is removed again.

    Raises:
        StorageError: another process is tuning into it, or it cannot be made.
    """
    is_new = not folder.exists()
    with as_storage_error(folder):
        make_folder(folder)
    place = folder.resolve()
    with alone(place) as free:
        if free is False:
            hint = "Wait until that has ended, or stop it with Ctrl-C or SIGTERM; or choose another folder."
            raise StorageError(f"{folder}: {named(place)} is tuning a model into this folder", hint=hint)
        try:
            yield
        finally:
            if is_new:
                with suppress(OSError):  # it has files
                    place.rmdir()


def strip_of(folder: Path, step: int) -> Path:
    """Return the path of what the model draws after so many steps."""
    return folder / SAMPLES / f"step-{step:06d}.png"

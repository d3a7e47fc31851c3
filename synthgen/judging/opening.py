"""A CLIP of open_clip as a judge: its download, its model and its tokenizer."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, cast

import open_clip
import torch
from torch import Tensor

from synthgen.errors import ModelError, UsageError, first_line
from synthgen.models.device import device_error
from synthgen.models.door import ModelKind, download_files, open_model
from synthgen.models.source import hub_failure

_WEIGHTS = "open_clip_model.safetensors"
_TEXT_FILES = ("*.json", "*.txt", "*.model")
"""The configuration and the tokenizer."""


class Opened(NamedTuple):
    """A CLIP of open_clip, and its tokenizer."""

    model: open_clip.CLIP
    tokenizer: Callable[[list[str]], Tensor]


def download(judge_id: str, revision: str) -> str:
    """Download a judge into the cache; return its name for `open_judge`, which then needs no network.

    Args:
        judge_id: `hf-hub:owner/name`, or open_clip's `architecture/weights`.
        revision: the commit, for the former.

    Raises:
        ModelUnavailable: the hub cannot be reached.
        ModelError: the hub refuses it, or it has no safetensors.
    """
    kind, _, place = judge_id.partition(":")
    try:
        if kind != "hf-hub":
            open_model(ModelKind.CLIP_FILES, judge_id)
            return judge_id
        folder = download_files(place, revision, [*_TEXT_FILES, _WEIGHTS])
    except (OSError, RuntimeError, ValueError) as error:
        raise hub_failure(error)(
            f"judge {judge_id} cannot be downloaded: {first_line(error)}", hint="Check judge.id and the network."
        ) from error
    if not (folder / _WEIGHTS).is_file():
        raise ModelError(f"judge {judge_id} has no {_WEIGHTS}", hint="Choose a judge with safetensors weights.")
    return f"local-dir:{folder}"


def open_judge(judge_id: str, device: torch.device) -> Opened:
    """Load a judge. Nothing in its files can run code or open another model.

    Args:
        judge_id: `local-dir:FOLDER`, or open_clip's `architecture/weights`.

    Raises:
        UsageError: its files ask for something that a judge may not.
        ModelError: it cannot be loaded.
        DeviceError: the device broke, or its memory ran out.
    """
    logging.getLogger("transformers").setLevel(logging.ERROR)
    try:
        return _open(judge_id, device)
    except UsageError as error:
        raise UsageError(f"judge {judge_id} is refused:\n{error.message}", hint=error.hint) from None
    except Exception as error:  # from four libraries, each with its own errors about what is in files
        raise device_error(error, f"loading judge {judge_id}") or ModelError(
            f"judge {judge_id} cannot be loaded: {first_line(error)}",
            hint="Check judge.id; a hub model must be in the cache or the network reachable.",
        ) from error


def _open(judge_id: str, device: torch.device) -> Opened:
    kind, _, folder = judge_id.partition(":")
    place = Path(folder) if kind == "local-dir" else judge_id
    model = cast(open_clip.CLIP, open_model(ModelKind.CLIP, place, device=device))
    return Opened(model, cast(Callable[[list[str]], Tensor], open_model(ModelKind.CLIP_TOKENIZER, place)))

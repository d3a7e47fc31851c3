"""The one place where a judge's model and tokenizer are opened."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import open_clip
import torch
from huggingface_hub import snapshot_download
from torch import Tensor

from synthgen.errors import ModelError, UsageError, first_line
from synthgen.judging.settings import check_folder
from synthgen.models.busy_hub import answered
from synthgen.models.device import device_error
from synthgen.models.remote_code import check_not_shadowed, remote_code_disabled
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
            open_clip.download_pretrained(_listed(judge_id), prefer_hf_hub=True)
            return judge_id
        wanted = [*_TEXT_FILES, _WEIGHTS]
        folder = answered(lambda: snapshot_download(place, revision=revision, allow_patterns=wanted))
    except (OSError, RuntimeError, ValueError) as error:
        raise hub_failure(error)(
            f"judge {judge_id} cannot be downloaded: {first_line(error)}", hint="Check judge.id and the network."
        ) from error
    if not (Path(folder) / _WEIGHTS).is_file():
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
    if kind == "local-dir":
        name, weights = judge_id, None
        from_hugging_face = check_folder(Path(folder))
    else:
        _listed(judge_id)
        name, _, weights = judge_id.partition("/")
        text = open_clip.get_model_config(name)["text_cfg"]
        for other in filter(None, (text.get("hf_model_name"), text.get("hf_tokenizer_name"))):
            check_not_shadowed(other)
        from_hugging_face = bool(text.get("hf_tokenizer_name"))
    with remote_code_disabled():
        # Without `require_pretrained` a folder that has lost its weights would judge with random ones.
        model = open_clip.create_model(
            name, pretrained=weights, device=device, require_pretrained=True, weights_only=True
        )
        # What the caller says takes precedence over the judge's configuration.
        options = {"trust_remote_code": False} if from_hugging_face else {}
        return Opened(model, open_clip.get_tokenizer(name, **options))


def _listed(judge_id: str) -> dict[str, object]:
    """Where open_clip itself says that the weights are."""
    found: dict[str, object] = open_clip.get_pretrained_cfg(*judge_id.split("/", 1)) if "/" in judge_id else {}
    if not found:
        raise ValueError("open_clip does not list it")
    return found

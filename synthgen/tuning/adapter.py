"""The file of a LoRA or of a learnt word, as diffusers writes and reads it, with what it was tuned on."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors.torch import save

from synthgen.files import write_file
from synthgen.models.adapter_header import ENCODERS
from synthgen.models.adapters import TUNED_KEY
from synthgen.tuning.folder import WEIGHTS, WORD_WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from synthgen.records import TunedOn
    from synthgen.tuning.denoiser import TunedDenoiser
    from synthgen.tuning.settings import LearntWord, TuneSettings

_CONFIG = "lora_adapter_metadata"


def write_adapter(folder: Path, denoiser: TunedDenoiser, settings: TuneSettings, tuned: TunedOn) -> str:
    """Write the file; return its sha256.

    Args:
        denoiser: has the weights of a LoRA, or the embeddings of a word.

    Raises:
        StorageError: it cannot be written.
    """
    learnt = denoiser.state()
    if settings.word is None:
        weights, about = _of_lora(denoiser.part, learnt, settings.rank, denoiser.targets(settings.layers))
    else:
        weights, about = _of_word(learnt, settings.word), {"format": "pt"}
    about[TUNED_KEY] = json.dumps(tuned.as_json())
    if tuned.licence:
        about["modelspec.license"] = tuned.licence
    data = _in_order(save(weights, about))
    write_file(folder / adapter_file(settings), data)
    return sha256(data).hexdigest()


def adapter_file(settings: TuneSettings) -> str:
    """Return the name of the adapter's file."""
    return WEIGHTS if settings.word is None else WORD_WEIGHTS


def _of_word(learnt: Mapping[str, Tensor], word: LearntWord) -> dict[str, Tensor]:
    if len(learnt) == 1:
        return {word.token: next(iter(learnt.values()))[None]}
    return {key: learnt[name][None].contiguous() for name, key in zip(learnt, ENCODERS, strict=True)}


def _of_lora(
    part: str, lora: Mapping[str, Tensor], rank: int, targets: Sequence[str]
) -> tuple[dict[str, Tensor], dict[str, str]]:
    config = {"r": rank, "lora_alpha": rank, "target_modules": list(targets)}
    about = {
        "format": "pt",
        _CONFIG: json.dumps({f"{part}.{key}": value for key, value in config.items()}),
    }
    weights = {f"{part}.{name.replace('.tuned.', '.')}": weight.contiguous() for name, weight in lora.items()}
    return weights, about


def _in_order(data: bytes) -> bytes:
    """Write the texts of a header in the order of their names: safetensors has another one in each process."""
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data[start:]

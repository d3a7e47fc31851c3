"""The file of a LoRA, as diffusers writes and reads it, with what it was tuned on."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors.torch import save

from synthgen.files import write_file
from synthgen.models.adapters import TUNED_KEY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from synthgen.records import TunedOn

_CONFIG = "lora_adapter_metadata"


def write_adapter(
    path: Path, part: str, lora: Mapping[str, Tensor], rank: int, targets: Sequence[str], tuned: TunedOn
) -> str:
    """Write the file; return its sha256.

    Args:
        part: the name of the denoiser in its pipeline.
        lora: the weights, by their names in the denoiser.
        targets: the ends of the names of the layers that it changes.

    Raises:
        StorageError: it cannot be written.
    """
    config = {"r": rank, "lora_alpha": rank, "target_modules": list(targets)}
    about = {
        "format": "pt",
        _CONFIG: json.dumps({f"{part}.{key}": value for key, value in config.items()}),
        TUNED_KEY: json.dumps(tuned.as_json()),
    }
    if tuned.licence:
        about["modelspec.license"] = tuned.licence
    weights = {f"{part}.{name.replace('.tuned.', '.')}": weight.contiguous() for name, weight in lora.items()}
    data = _in_order(save(weights, about))
    write_file(path, data)
    return sha256(data).hexdigest()


def _in_order(data: bytes) -> bytes:
    """Write the texts of a header in the order of their names: safetensors has another one in each process."""
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data[start:]

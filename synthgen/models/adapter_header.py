"""The header of an adapter's file: which weights it has, and what it says about itself. Reads no weights.

What diffusers would hand on to peft is checked against a short list.
"""

import json
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path

from synthgen.errors import ModelError, UsageError
from synthgen.models.weight_headers import Shapes, parsed

ENCODERS = ("clip_l", "clip_g")
"""What files call the embeddings of a word for the first and the second text encoder, where a model has two."""
_MOST_RANK = 4096
_CONFIG = "lora_adapter_metadata"
_NUMBERS = re.compile(r"(\w+\.)*(r|lora_alpha|alpha|lora_dropout|rank_dropout|module_dropout|decompose_factor)")
_FREE = re.compile(
    r"(\w+\.)*(base_model_name_or_path|revision|inference_mode|peft_version|task_type|lora_bias|fan_in_fan_out)"
)
_SWITCHES = re.compile(r"(\w+\.)*(use_rslora|use_dora|use_effective_conv2d|decompose_both|rank_dropout_scale)")
_NAMES = re.compile(r"(\w+\.)*(target_modules|exclude_modules)")
_PATTERNS = re.compile(r"(\w+\.)*(rank_pattern|alpha_pattern)")
_PLAIN = re.compile(r"\^?[\w.-]{1,300}")
_INERT = {"peft_type": ("LORA", "LOKR"), "bias": ("none",), "megatron_core": ("megatron.core",)}
_STARTS = {"init_lora_weights": (True, False, "gaussian"), "init_weights": (True, False)}
"""What peft may read, by key. Every other key must be empty: some import modules by name, or open other files."""


@dataclass(frozen=True, slots=True)
class AdapterHeader:
    """What the header of an adapter says.

    Attributes:
        shapes: of each weight, by its name.
        about: texts that its author wrote.
        sha256: of the whole file, in hex.
    """

    shapes: Shapes
    about: Mapping[str, str]
    sha256: str


def read_header(file: Path) -> AdapterHeader:
    """Read and check the header of an adapter's file, and hash the file.

    Raises:
        ModelError: there is no such file, or it is not a whole safetensors file.
        UsageError: it could make a library wait, take memory without end, import a module, or run code.
    """
    hint = "Download the adapter again, or choose another file: only safetensors are read."
    try:
        status = os.stat(file)  # before it is opened: a pipe would wait
    except OSError as error:
        raise ModelError(f"adapter {file}: {error.strerror or error}", hint="Check the adapter's `id`.") from error
    if stat.S_ISDIR(status.st_mode):
        hint = "Name the .safetensors file in it, or a folder that `synthgen tune` wrote; of a word with its `kind`."
        raise ModelError(f"adapter {file} is a folder without the usual file of an adapter", hint=hint)
    if not stat.S_ISREG(status.st_mode):
        raise UsageError(f"adapter {file} is not a regular file", hint=hint)
    try:
        flags = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
        with os.fdopen(os.open(file, flags), "rb") as opened:
            shapes, about = parsed(opened, os.fstat(opened.fileno()).st_size)
            _check_config(about.get(_CONFIG))
            opened.seek(0)
            digest = file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"adapter {file} cannot be read: {error.strerror or error}", hint=hint) from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"adapter {file} is refused: {error}", hint=hint) from error
    return AdapterHeader(shapes, about, digest)


def _check_config(text: str | None) -> None:
    """Check what diffusers would hand on to peft.

    Raises:
        ValueError: it asks for more than an adapter needs.
    """
    if text is None:
        return
    config = json.loads(text)
    if not isinstance(config, dict):
        raise ValueError(f"its {_CONFIG} is not an object")
    for key, value in config.items():
        if not _is_harmless(key, value):
            raise ValueError(f"its {_CONFIG} has {key[:60]!r} = {str(value)[:60]!r}, which an adapter does not need")


def _is_harmless(key: str, value: object) -> bool:
    last = key.rpartition(".")[2]
    if value in (None, False, "", 0) or value in ([], {}) or _FREE.fullmatch(key):
        return True
    if _NUMBERS.fullmatch(key):
        return type(value) in (int, float) and -_MOST_RANK <= value <= _MOST_RANK  # type: ignore[operator]
    if _SWITCHES.fullmatch(key):
        return isinstance(value, bool)
    if _NAMES.fullmatch(key):
        return isinstance(value, list) and all(_is_plain(name) for name in value)
    if _PATTERNS.fullmatch(key):
        return isinstance(value, dict) and all(
            _is_plain(name) and type(each) in (int, float) and abs(each) <= _MOST_RANK for name, each in value.items()
        )
    if last == "runtime_config":
        return value == {"ephemeral_gpu_offload": False}
    return value in {**_INERT, **_STARTS}.get(last, ())


def _is_plain(name: object) -> bool:
    """Whether a name is no pattern that takes very long to compare."""
    return isinstance(name, str) and _PLAIN.fullmatch(name) is not None

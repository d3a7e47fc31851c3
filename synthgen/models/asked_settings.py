"""What the folder of a model from transformers may ask of the library: a judge's, or a language model's.

Messages leave out what the model is for: whoever opens it says so.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from synthgen.models.content import check_regular
from synthgen.models.judge_settings import (
    OUTSIDE,
    check_transformers,
    is_known_tokenizer,
    read_settings,
    refusal,
    shown,
)

CONFIG = "config.json"
_SETTINGS = (
    CONFIG,
    "generation_config.json",
    "preprocessor_config.json",
    "processor_config.json",
    "tokenizer_config.json",
    "video_preprocessor_config.json",
)
_INDEX, _WEIGHTS = "model.safetensors.index.json", "model.safetensors"

_CODE = (*OUTSIDE, "custom_generate", "kernel_config", "quantization_config", "use_kernels")
"""Keys, at any depth, that run code, load a kernel from the hub, or read files that may be outside the folder."""
_LABELS = ("id2label", "label2id")
_ALLOWED_IN_TOKENIZERS = ("merges", "vocab")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.]+")
_ATTENTION = ("eager", "sdpa")


def check_asked(folder: Path) -> None:
    """Refuse a model whose files run code, open another model, or hold weights as a pickle.

    Raises:
        UsageError: a file asks for what it may not.
        OSError, ValueError: a file cannot be read, or is not JSON.
    """
    check_regular(folder)
    if (folder / "adapter_config.json").exists():
        raise refusal(folder / "adapter_config.json", ["an adapter opens another model"])
    for name in _SETTINGS:
        if not (folder / name).is_file():
            continue
        if name in (CONFIG, "tokenizer_config.json"):
            check_transformers(folder / name)
        if problems := list(_problems(read_settings(folder / name), "")):
            raise refusal(folder / name, problems)
    _check_weights(folder)


def _problems(content: object, place: str) -> Iterator[str]:
    if isinstance(content, list):
        for index, each in enumerate(content):
            yield from _problems(each, f"{place}[{index}]")
    if not isinstance(content, dict):
        return
    for key, value in content.items():
        here = f"{place}.{key}".removeprefix(".")
        if value is None or key in _LABELS:
            continue
        if key in _CODE and not (key in _ALLOWED_IN_TOKENIZERS and place):
            yield f"{shown(here)}: this setting is not allowed"
        elif key == "tokenizer_class" and not is_known_tokenizer(value):
            yield f"{shown(here)}: {shown(value)} is not a tokenizer that may be used"
        elif str(key).endswith("attn_implementation") and value not in _ATTENTION:
            yield f"{shown(here)}: {shown(value)} is not one of {', '.join(_ATTENTION)}"
        elif key in ("backbone", "architecture") and not (isinstance(value, str) and _PLAIN_NAME.fullmatch(value)):
            yield f"{shown(here)}: expected the name of an architecture of timm, found {shown(value)}"
        else:
            yield from _problems(value, here)


def _check_weights(folder: Path) -> None:
    if (folder / _INDEX).is_file():
        content = read_settings(folder / _INDEX)
        files = set(content.get("weight_map", {}).values()) if isinstance(content, dict) else set()
        if strange := [name for name in files if not isinstance(name, str) or not _is_part(name)]:
            raise refusal(
                folder / _INDEX, [f"weight_map: {shown(strange[0])} is not a safetensors file in this folder"]
            )
    elif not (folder / _WEIGHTS).is_file():
        if any(folder.glob("*.bin")) or any(folder.glob("*.pth")):
            raise refusal(folder, [f"its weights are a pickle, and only {_WEIGHTS} is opened"])
        raise FileNotFoundError(f"it has no weights in {_WEIGHTS}")


def _is_part(name: str) -> bool:
    return name.endswith(".safetensors") and Path(name).name == name and not name.startswith(".")

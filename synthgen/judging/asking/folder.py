"""The folder of a judge from transformers: what its files may say, and where they come from."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from synthgen.errors import ModelError, first_line
from synthgen.judging.settings import OUTSIDE, check_transformers, is_known_tokenizer, read_settings, refusal, shown
from synthgen.models.source import check_regular, hub_failure

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
_FILES = ("*.json", "*.txt", "*.model", "*.jinja", "*.safetensors")

_CODE = (*OUTSIDE, "custom_generate", "kernel_config", "quantization_config", "use_kernels")
"""Keys, at any depth, that run code, load a kernel from the hub, or read files that may be outside the folder."""
_LABELS = ("id2label", "label2id")
_ALLOWED_IN_TOKENIZERS = ("merges", "vocab")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.]+")
_ATTENTION = ("eager", "sdpa")


@dataclass(frozen=True, slots=True)
class Eyes:
    """What a model's config says that it is.

    Attributes:
        model_type: as transformers calls it.
        family: what its view of images was learned from; judges of one family err alike.
        labels: of a classifier or a detector with fixed classes; empty otherwise.
    """

    model_type: str
    family: str
    labels: tuple[str, ...]


CONTRASTIVE, CAPTIONS, DETECTION = "contrastive", "captions", "detection"
"""Families: of CLIPs and of all models that see through one; of BLIP and ViLT; of detectors trained on boxes."""
_CAPTIONS = ("blip", "vilt")
_OPEN_DETECTORS = ("owlv2", "owlvit")


def eyes_of(config: object, kind: str, judge: str) -> Eyes:
    """Read from a config what a judge is.

    Args:
        kind: 'vqa' or 'detector'.

    Raises:
        ModelError: it is no model of this kind.
    """
    model_type = config.get("model_type") if isinstance(config, dict) else None
    if not isinstance(config, dict) or not isinstance(model_type, str):
        raise ModelError(f"judge {judge} has no valid {CONFIG} of transformers", hint="Check the name.")
    if model_type not in (known := list(_types(kind))):
        what = "answers questions about images" if kind == "vqa" else "detects objects"
        several = ", ".join(known[:12]) + (f" and {len(known) - 12} more" if len(known) > 12 else "")
        raise ModelError(
            f"judge {judge}: a model of type {shown(model_type)} is not one that {what}", hint=f"Known are: {several}."
        )
    fixed = model_type == "vilt" or (kind == "detector" and model_type not in _OPEN_DETECTORS)
    labels = _labels(config.get("id2label")) if fixed else ()
    if fixed and not labels:
        raise ModelError(f"judge {judge}: its {CONFIG} names no classes (`id2label`)", hint="Choose another model.")
    return Eyes(model_type, _family(model_type, kind), labels)


def _labels(names: object) -> tuple[str, ...]:
    """Return the classes in their order; none if they are not numbered from 0."""
    if not isinstance(names, dict) or sorted(map(str, names)) != sorted(map(str, range(len(names)))):
        return ()
    return tuple(str(names[str(index)]) for index in range(len(names)))


def _types(kind: str) -> Iterator[str]:
    from transformers.models.auto import modeling_auto as auto

    if kind == "detector":
        yield from _OPEN_DETECTORS
        yield from auto.MODEL_FOR_OBJECT_DETECTION_MAPPING_NAMES
    else:
        seen = auto.MODEL_FOR_VISUAL_QUESTION_ANSWERING_MAPPING_NAMES, auto.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES
        yield from dict.fromkeys(name for names in seen for name in names)


def _family(model_type: str, kind: str) -> str:
    """Say what a judge's eyes learned from. In doubt they are a CLIP's, as those of most models that chat are."""
    if model_type in _CAPTIONS:
        return CAPTIONS
    return DETECTION if kind == "detector" and model_type not in _OPEN_DETECTORS else CONTRASTIVE


def download_asked(judge: str, place: str, revision: str) -> Path:
    """Download a judge from the hub at a commit; return its folder in the cache.

    Raises:
        ModelUnavailable: the hub cannot be reached.
        ModelError: the hub refuses it.
    """
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(place, revision=revision, allow_patterns=list(_FILES)))
    except (OSError, RuntimeError, ValueError) as error:
        raise hub_failure(error)(
            f"judge {judge} cannot be downloaded: {first_line(error)}", hint="Check its name and the network."
        ) from error


def check_asked(folder: Path) -> None:
    """Refuse a judge whose files run code, open another model, or hold weights as a pickle.

    Raises:
        UsageError: a file asks for what a judge may not.
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
            yield f"{shown(here)}: this setting is not allowed in a judge"
        elif key == "tokenizer_class" and not is_known_tokenizer(value):
            yield f"{shown(here)}: {shown(value)} is not a tokenizer that a judge may use"
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

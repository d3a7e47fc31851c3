"""The folder of a judge from transformers: what its config says that it is, and where its files come from."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from synthgen.errors import ModelError, first_line
from synthgen.models.asked_settings import CONFIG
from synthgen.models.door import download_files
from synthgen.models.judge_settings import shown
from synthgen.models.source import hub_failure

_FILES = ("*.json", "*.txt", "*.model", "*.jinja", "*.safetensors")


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


def download_asked(name: str, place: str, revision: str, *, role: str = "judge") -> Path:
    """Download a model from the hub at a commit; return its folder in the cache.

    Raises:
        ModelUnavailable: the hub cannot be reached.
        ModelError: the hub refuses it.
    """
    try:
        return download_files(place, revision, _FILES)
    except (OSError, RuntimeError, ValueError) as error:
        raise hub_failure(error)(
            f"{role} {name} cannot be downloaded: {first_line(error)}", hint="Check its name and the network."
        ) from error

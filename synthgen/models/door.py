"""The one door for models: pipelines, schedulers, CLIPs, judges that are asked, language models, and their inputs.

Nothing else in synthgen calls a function of a library that opens a model or downloads one. Each kind has a list of the
arguments that it takes; any other is refused. What forbids remote code and pickles is always passed. A folder's files
are checked before a library sees them. A model from the hub is opened at a commit, and at no other revision.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from types import MappingProxyType

from synthgen.models.asked_settings import check_asked
from synthgen.models.busy_hub import answered
from synthgen.models.door_parts import check_weights, given_parts, names_of, opener_of_part, settings_of
from synthgen.models.gguf_header import check_gguf
from synthgen.models.judge_settings import check_folder
from synthgen.models.pipeline_files import check_pipeline_files
from synthgen.models.remote_code import check_not_shadowed, remote_code_disabled
from synthgen.models.source import ModelSource, cached_folder

_COMMIT = re.compile(r"[0-9a-f]{40}")
_CODE, _PICKLES = {"trust_remote_code": False}, {"use_safetensors": True}
_ASKED = _CODE | {"local_files_only": True}

_Named = tuple[tuple[object, ...], dict[str, object]]
"""Arguments that name a model: by place, and by name."""


class ModelKind(Enum):
    """What is opened, and the function of a library that opens it."""

    PIPELINE = "diffusers.DiffusionPipeline.from_pretrained"
    PIPELINE_FILES = "diffusers.DiffusionPipeline.download"
    CHECKPOINT = "diffusers.DiffusionPipeline.from_single_file"
    PART = "diffusers.ModelMixin.from_pretrained"
    PART_FILE = "diffusers.ModelMixin.from_single_file"
    CLIP = "open_clip.create_model"
    CLIP_FILES = "open_clip.download_pretrained"
    CLIP_TOKENIZER = "open_clip.get_tokenizer"
    ANSWERS = "transformers.AutoModelForVisualQuestionAnswering.from_pretrained"
    WRITER = "transformers.AutoModelForImageTextToText.from_pretrained"
    DETECTOR = "transformers.AutoModelForObjectDetection.from_pretrained"
    OPEN_DETECTOR = "transformers.AutoModelForZeroShotObjectDetection.from_pretrained"
    SEGMENTER = "transformers.AutoModelForMaskGeneration.from_pretrained"
    PROCESSOR = "transformers.AutoProcessor.from_pretrained"
    IMAGE_PROCESSOR = "transformers.AutoImageProcessor.from_pretrained"
    TEXT_WRITER = "transformers.AutoModelForCausalLM.from_pretrained"
    TOKENIZER = "transformers.AutoTokenizer.from_pretrained"
    CLASSIFIER = "timm.create_model"


@dataclass(frozen=True, slots=True)
class _Rule:
    """How a kind is opened.

    Attributes:
        place: checks where the model is, and returns the arguments that name it.
        takes: the arguments that a caller may add.
        always: the arguments that are passed in any case.
    """

    place: Callable[[Path | str, Mapping[str, object]], _Named]
    takes: Collection[str] = ()
    always: Mapping[str, object] = field(default_factory=dict)


def open_model(kind: ModelKind, place: Path | str, **options: object) -> object:
    """Open a model, or what prepares its inputs. None of its files can run code, or open another model.

    Args:
        place: its folder; or, as text, an id on the hub, or a name of open_clip's own list.
        options: further arguments of the library's function; for an id on the hub also the commit, as `revision`; for a
            pipeline also the name of its class in diffusers, as `pipeline`, if its files name a sibling, and components
            that take the place of its own, as `parts`; for a component its class, as `part`: library and name; for a
            classifier the file of its weights, as `weights`: without it, they are random.

    Raises:
        UsageError: a file asks for what it may not, or a folder would be opened in the place of a hub model.
        TypeError: this kind does not take such an option, or no commit is given.
        Exception: whatever the library raises.
    """
    rule = _RULES[kind]
    if strange := sorted(options.keys() - set(rule.takes)):
        raise TypeError(f"{kind.name} may not be opened with {', '.join(strange)}")
    names, more = rule.place(place, options)
    own = options.pop("pipeline", None) or options.pop("part", None)
    options.pop("weights", None)
    parts = given_parts(options.pop("parts", {})) | dict.fromkeys(names_of(options.pop("without", ())))
    with remote_code_disabled():
        return _function(kind, own)(*names, **{**options, **parts, **more, **rule.always})


def _function(kind: ModelKind, own: object) -> Callable[..., object]:
    """Find the library's function; import no other library."""
    library, *path = kind.value.split(".")
    if kind in (ModelKind.PART, ModelKind.PART_FILE):
        return opener_of_part(own, path[-1])
    if library == "diffusers":
        import diffusers

        found: object = diffusers
        if own is not None:
            found = getattr(diffusers, str(own), None)
            if not (isinstance(found, type) and issubclass(found, diffusers.DiffusionPipeline)):
                raise TypeError(f"diffusers has no pipeline {own}")
            path = path[-1:]
    elif library == "open_clip":
        import open_clip

        found = open_clip
    elif library == "timm":
        import timm

        found = timm
    else:
        import transformers

        found = transformers
    for name in path:
        found = getattr(found, name)
    assert callable(found)
    return found


def open_scheduler(name: str, like: object, settings: Mapping[str, object] = MappingProxyType({})) -> object:
    """Make a scheduler of diffusers with the settings of another one; None if there is no scheduler of that name.

    Args:
        settings: those in which it differs from the other one.
    """
    import diffusers

    kind = getattr(diffusers, name, None)
    # diffusers has stand-ins for what needs a package that is not installed. They say so when they are used.
    stand_in = isinstance(kind, diffusers.utils.DummyObject)
    if not (isinstance(kind, type) and (stand_in or issubclass(kind, diffusers.SchedulerMixin))):
        return None
    made: object = kind.from_config(like, **settings)  # type: ignore[attr-defined] # every scheduler and stand-in has it
    return made


def download_files(hub_id: str, revision: str, patterns: Collection[str]) -> Path:
    """Download files of a hub model at a commit; return their folder in the cache.

    Raises:
        OSError, RuntimeError, ValueError: the hub cannot be reached, or refuses.
    """
    from huggingface_hub import snapshot_download

    return Path(answered(lambda: snapshot_download(hub_id, revision=revision, allow_patterns=list(patterns))))


def listed_clip(name: str) -> Mapping[str, object]:
    """Return where open_clip itself says that the weights of `architecture/weights` are.

    Raises:
        ValueError: it does not list that name.
    """
    import open_clip

    found: Mapping[str, object] = open_clip.get_pretrained_cfg(*name.split("/", 1)) if "/" in name else {}
    if not found:
        raise ValueError("open_clip does not list it")
    return found


def _pipeline(place: Path | str, options: Mapping[str, object]) -> _Named:
    folder: Path | None
    if isinstance(place, Path):
        folder = place
    else:
        revision = options.get("revision")
        if not (isinstance(revision, str) and _COMMIT.fullmatch(revision)):
            raise TypeError(f"{place}: a model from the hub is opened at a commit, not at {revision!r}")
        check_not_shadowed(place)
        folder = cached_folder(ModelSource(place, revision))
    if folder is not None:
        check_pipeline_files(folder)
    return (str(place),), {}


def _checkpoint(place: Path | str, options: Mapping[str, object]) -> _Named:
    check_weights(Path(place))
    return (str(place),), settings_of(options)


def _part_file(place: Path | str, options: Mapping[str, object]) -> _Named:
    more = settings_of(options)
    if not str(place).endswith(".gguf"):
        check_weights(Path(place))
        return (str(place),), more
    check_gguf(Path(place))
    from diffusers import GGUFQuantizationConfig

    return (str(place),), {**more, "quantization_config": GGUFQuantizationConfig(compute_dtype=options.get("dtype"))}


def _part(place: Path | str, _: Mapping[str, object]) -> _Named:
    folder = Path(place)
    check_pipeline_files(folder)
    return (str(folder),), {}


def _clip(place: Path | str, _: Mapping[str, object]) -> _Named:
    if isinstance(place, Path):
        check_folder(place)
        return (f"local-dir:{place}",), {"pretrained": None}
    _tokenizer_of(place)
    architecture, _sep, weights = place.partition("/")
    return (architecture,), {"pretrained": weights}


def _clip_files(place: Path | str, _: Mapping[str, object]) -> _Named:
    return (listed_clip(str(place)),), {}


def _clip_tokenizer(place: Path | str, _: Mapping[str, object]) -> _Named:
    if isinstance(place, Path):
        name, from_hugging_face = f"local-dir:{place}", check_folder(place)
    else:
        name, from_hugging_face = place.partition("/")[0], _tokenizer_of(place)
    # What the caller says takes precedence over the judge's configuration. Other tokenizers do not take it.
    return (name,), dict(_CODE) if from_hugging_face else {}


def _tokenizer_of(name: str) -> bool:
    """Check a name of open_clip's list; return whether its tokenizer is one of transformers."""
    import open_clip

    listed_clip(name)
    text = open_clip.get_model_config(name.partition("/")[0])["text_cfg"]
    for other in filter(None, (text.get("hf_model_name"), text.get("hf_tokenizer_name"))):
        check_not_shadowed(other)
    return bool(text.get("hf_tokenizer_name"))


def _classifier(place: Path | str, options: Mapping[str, object]) -> _Named:
    import timm

    if isinstance(place, Path) or ":" in place or not timm.is_model(place):
        raise TypeError(f"timm knows no network {place}")  # it would take `hf-hub:` and `local-dir:` for more
    if (weights := options.get("weights")) is None:
        return (place,), {"pretrained": False}
    check_weights(Path(str(weights)))
    overlay = {"file": str(weights), "custom_load": False}
    return (place,), {"pretrained": True, "pretrained_cfg_overlay": overlay}


def _asked(place: Path | str, _: Mapping[str, object]) -> _Named:
    folder = Path(place)
    check_asked(folder)
    return (folder,), {}


_WEIGHTS = _Rule(_asked, ("dtype", "attn_implementation", "output_loading_info"), _ASKED | _PICKLES)
_INPUTS = _Rule(_asked, (), _ASKED)
_RULES = {
    ModelKind.PIPELINE: _Rule(
        _pipeline,
        (
            "pipeline",
            "parts",
            "dtype",
            "variant",
            "revision",
            "safety_checker",
            "requires_safety_checker",
            "quantization_config",
        ),
        _CODE | _PICKLES,
    ),
    ModelKind.PIPELINE_FILES: _Rule(_pipeline, ("variant", "revision", "without"), _CODE | _PICKLES),
    ModelKind.CHECKPOINT: _Rule(_checkpoint, ("pipeline", "parts", "dtype", "config")),
    ModelKind.PART: _Rule(_part, ("part", "dtype", "variant"), _ASKED | _PICKLES),
    ModelKind.PART_FILE: _Rule(_part_file, ("part", "dtype", "config", "subfolder")),
    # Without `require_pretrained` a folder that has lost its weights would judge with random ones.
    ModelKind.CLIP: _Rule(_clip, ("device",), {"require_pretrained": True, "weights_only": True}),
    ModelKind.CLIP_FILES: _Rule(_clip_files, (), {"prefer_hf_hub": True}),
    ModelKind.CLIP_TOKENIZER: _Rule(_clip_tokenizer),
    ModelKind.ANSWERS: _WEIGHTS,
    ModelKind.WRITER: _WEIGHTS,
    ModelKind.DETECTOR: _WEIGHTS,
    ModelKind.OPEN_DETECTOR: _WEIGHTS,
    ModelKind.SEGMENTER: _WEIGHTS,
    ModelKind.PROCESSOR: _INPUTS,
    ModelKind.IMAGE_PROCESSOR: _INPUTS,
    ModelKind.TEXT_WRITER: _WEIGHTS,
    ModelKind.TOKENIZER: _INPUTS,
    ModelKind.CLASSIFIER: _Rule(_classifier, ("num_classes", "img_size", "weights")),
}

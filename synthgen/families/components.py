"""Whether a component fits the pipeline that it is for: its class and its widths, before any weights are read."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from synthgen.errors import SynthgenError
from synthgen.families.signature import annotations_of, single_file_classes
from synthgen.models.gguf_header import check_gguf
from synthgen.models.part_source import PartSource, class_of
from synthgen.models.source import ModelSource
from synthgen.models.weight_headers import shapes_in

_DECODERS = frozenset({"AutoencoderKL", "AutoencoderTiny", "AsymmetricAutoencoderKL"})
"""Any of these decodes the latents of another."""
_WIDTHS = (
    "latent_channels",
    "in_channels",
    "out_channels",
    "cross_attention_dim",
    "joint_attention_dim",
    "pooled_projection_dim",
    "caption_channels",
    "hidden_size",
    "projection_dim",
    "d_model",
    "vocab_size",
)
"""Settings that other parts of a pipeline rely on."""
_OF_TEXT = ("text_encoder", "tokenizer")
_ARCHITECTURES: Mapping[str, tuple[str, ...]] = {
    "flux": ("FluxTransformer2DModel", "ChromaTransformer2DModel", "Flux2Transformer2DModel"),
    "sd3": ("SD3Transformer2DModel",),
    "sd1": ("UNet2DConditionModel",),
    "sdxl": ("UNet2DConditionModel",),
    "aura": ("AuraFlowTransformer2DModel",),
    "lumina2": ("Lumina2Transformer2DModel", "ZImageTransformer2DModel"),
    "hidream": ("HiDreamImageTransformer2DModel",),
    "qwen_image": ("QwenImageTransformer2DModel", "QwenImage21Transformer2DModel"),
}
"""What GGUF files call the classes whose weights they have."""


def component_problems(source: ModelSource) -> Iterator[tuple[str, str]]:
    """Say why components cannot take the place of a pipeline's own: the key of `model`, and why."""
    own = replace(source, parts=())
    index = own.read_json("model_index.json")
    there = {
        name: str(kind[1]) for name, kind in index.items() if isinstance(kind, list) and len(kind) == 2 and kind[1]
    }
    # Some do not list an encoder that is in another repository, such as the fourth of HiDream; their class takes it.
    takes = annotations_of(str(index.get("_class_name")), "__init__")
    there |= {name: kind for name, kind in takes.items() if name.startswith(_OF_TEXT) and name not in there}
    for part in source.parts:
        key = f"components.{part.name}"
        if part.name not in there:
            yield key, f"{index.get('_class_name')} has no part {part.name}: it has {', '.join(sorted(there))}"
        elif part.name.endswith("scheduler"):
            yield key, "a scheduler is named in model.scheduler"
        else:
            slot = there[part.name]
            found = _of_file(part, slot, own) if part.is_file else _of_folder(part, slot, source, own)
            yield from ((key, why) for why in found)


def _of_folder(part: PartSource, slot: str, source: ModelSource, own: ModelSource) -> Iterator[str]:
    # A tokenizer may be in the folder of a model, whose configuration is not its own.
    config = {} if part.name.startswith("tokenizer") else source.read_json(f"{part.name}/config.json")
    settings = config or source.read_json(f"{part.name}/tokenizer_config.json")
    if part.is_local and not (part.here and part.here.is_dir()):
        yield f"the folder {part.here} does not exist"
        return
    if not settings:
        yield f"{part.location} has no settings that can be read: a component's folder has a config.json"
        return
    if "auto_map" in settings or "auto_map" in source.read_json(f"{part.name}/tokenizer_config.json"):
        yield f"{part.location} asks for code of its own (auto_map), which is never run"
        return
    if not config:
        return  # a tokenizer

    named = class_of(config)
    kind = named[1] if named else "a model without a class"
    if kind != slot and not {kind, slot} <= _DECODERS:
        yield f"{part.location} is {kind}, and the pipeline's {part.name} is {slot}"
        return
    yield from _widths(part, config, own.read_json(f"{part.name}/config.json"))
    if part.is_local and (folder := part.here) is not None:  # of the hub, the cache may have a part
        yield from _weights(folder)


def _widths(part: PartSource, config: Mapping[str, object], own: Mapping[str, object]) -> Iterator[str]:
    for key in _WIDTHS:
        mine, theirs = config.get(key), own.get(key)
        if None not in (mine, theirs) and mine != theirs:
            yield f"its {key} is {mine}, and the pipeline's {part.name} has {theirs}"
    depths = [len(blocks) for one in (config, own) if isinstance(blocks := one.get("block_out_channels"), list)]
    if "latent_channels" in config and len(depths) == 2 and depths[0] != depths[1]:
        factors = " and ".join(f"{2 ** (depth - 1)}" for depth in depths)
        yield f"a latent of it and of the pipeline's {part.name} stand for {factors} pixels"


def _weights(folder: Path) -> Iterator[str]:
    """Say what is wrong with the files of weights in a component's folder."""
    names = sorted(file.name for file in folder.iterdir() if file.is_file())
    safe = [name for name in names if name.endswith(".safetensors")]
    if not safe:
        pickled = any(name.endswith((".bin", ".ckpt", ".pt", ".pth")) for name in names)
        yield (
            "its weights are pickles, which can run code: only safetensors are read" if pickled else "it has no weights"
        )
    if safe and not any(name.count(".") == 1 for name in safe):  # `model.variant` is that of the model's own files
        yield f"it has files of a variant only: name one of them, such as {folder / safe[0]}"
    for name in safe:
        try:
            shapes_in(folder / name)
        except (OSError, ValueError) as error:
            yield f"{name} cannot be used: {error}"


def _of_file(part: PartSource, slot: str, own: ModelSource) -> Iterator[str]:
    if slot not in single_file_classes():
        yield f"diffusers opens no single file of {slot}: give the folder of the component"
        return
    if not own.read_json(f"{part.name}/config.json"):
        yield f"the model's own {part.name}/config.json, by which the file is read, cannot be read"
        return
    file = part.here
    if file is None:  # on the hub, and not here: it is checked before it is opened
        if part.within.endswith(".gguf") and find_spec("gguf") is None:
            yield f"{part.within} needs the package gguf: pip install gguf"
        return
    if file.suffix == ".gguf":
        yield from _of_gguf(part, file, slot)
        return
    try:
        names = shapes_in(file)
    except (OSError, ValueError) as error:
        yield f"{part.location} cannot be used: {error}"
        return
    if any(".lora_" in name or name.startswith("lora_") for name in names):
        yield f"{part.location} is a LoRA: name it in model.adapters"


def _of_gguf(part: PartSource, file: Path, slot: str) -> Iterator[str]:
    try:
        said = check_gguf(file)
    except SynthgenError as error:
        yield error.message
        return
    fits = _ARCHITECTURES.get(said or "")
    if fits is not None and slot not in fits:
        yield f"{part.location} says that it is {said}, and the pipeline's {part.name} is {slot}"

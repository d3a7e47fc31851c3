"""What a model's folder lacks, by its names and its JSON: parts, weights in a safe format, a variant, packages."""

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

from synthgen.families.call import PipelineCall
from synthgen.families.modular import code_in, places_elsewhere
from synthgen.families.resolve import Read, family_of
from synthgen.families.signature import mixins_of
from synthgen.models.checkpoint import checkpoint_problems, checkpoint_shapes
from synthgen.models.modular import MODULAR
from synthgen.models.source import ModelSource
from synthgen.models.weight_headers import shapes_in

_MODELS = ("diffusers", "transformers")
_WITHOUT_WEIGHTS = ("Scheduler", "Tokenizer", "TokenizerFast", "FeatureExtractor", "ImageProcessor", "Processor")
_PICKLES = (".bin", ".ckpt", ".pt", ".pth", ".msgpack", ".h5")


def folder_problems(call: PipelineCall, source: ModelSource, variant: str | None) -> Iterator[tuple[str, str]]:
    """Find out what a model's folder lacks: the key of `model`, and what is missing."""
    index = source.read_json("model_index.json")
    files = {part.name for part in source.parts if part.is_file}
    folders = {name: source.cached_part(name) for name in dict(_parts(index)) if name not in files}

    missing = [name for name, folder in folders.items() if folder is None]
    for name in [name for name in missing if places_elsewhere(index, name)]:
        missing.remove(name)
        place = places_elsewhere(index, name)
        yield "id", f"its {name} is in {place}, which is opened only if model.components names it: {{{name}: {place}}}"
    if missing:
        yield "id", f"the model's folder has no {', '.join(missing)}, which its list of parts names"
    if MODULAR in index and source.folder and (code := code_in(source.folder)):
        yield "id", f"this modular pipeline has code of its own, {code}, which is never run"

    kinds, others = dict(_parts(index)), {part.name for part in source.parts}
    weights = {
        name: _weights(folder)
        for name, folder in folders.items()
        if folder is not None and _has_weights(kinds[name]) and name not in others
    }
    yield from _lacking(weights, variant)
    yield from _damaged(source, weights)
    yield from _packages(call)


def file_problems(call: PipelineCall, source: ModelSource) -> Iterator[tuple[str, str]]:
    """Find out whether a checkpoint in one file fits its settings: the key of `model`, and what does not."""
    assert source.checkpoint is not None
    if "FromSingleFileMixin" not in mixins_of(call.pipeline):
        yield "id", f"diffusers opens no single file as {call.pipeline}: give a folder"
        return
    shapes = checkpoint_shapes(source.checkpoint.path)
    yield from checkpoint_problems(shapes, call.from_text, source.own("unet/config.json"))
    if source.is_folder:
        kinds = dict(_parts(source.read_json("model_index.json")))
        if missing := [name for name in kinds if source.cached_part(name) is None]:
            yield "config", f"the folder of settings has no {', '.join(missing)}, which its list of parts names"
    yield from _packages(call)


def channel_problems(call: PipelineCall, read: Read) -> Iterator[tuple[str, str]]:
    """Find a UNet that takes more than latents, and than those of the picture that the task gives it."""
    if call.task.only:
        return  # each has latents of its own beside the picture
    decoder = read("vae/config.json") or read("movq/config.json")
    channels, latents = read("unet/config.json").get("in_channels"), decoder.get("latent_channels")
    if not isinstance(channels, int) or not isinstance(latents, int):
        return
    masks = "mask_image" in call.task.pictures
    given = 2 * latents + masks
    if call.task.pictures and call.pictures.in_unet:
        if channels != given:
            what = f"its UNet takes {channels} channels, and {call.pipeline} gives it {given}"
            yield "id", f"{what}: those of the image, of a picture{' and of a mask' if masks else ''}"
    elif channels > latents and not (masks and channels == given):
        what = f"its UNet takes {channels} channels, and latents have {latents}: the others are for an image or a mask"
        yield "id", what


def _packages(call: PipelineCall) -> Iterator[tuple[str, str]]:
    if (own := family_of(call.pipeline)) and own.package and find_spec(own.package) is None:
        yield "id", f"{call.pipeline} needs the package {own.package}: pip install {own.package}"


def _parts(index: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Yield name and class of each part that a model has."""
    for name, kind in index.items():
        if isinstance(kind, list) and len(kind) == 2 and isinstance(kind[1], str) and kind[0] is not None:
            yield name, kind[1]


def _has_weights(kind: str) -> bool:
    return not kind.endswith(_WITHOUT_WEIGHTS) and "Guidance" not in kind


def _weights(part: Path) -> list[str]:
    return [file.name for file in part.iterdir() if file.suffix in (".safetensors", *_PICKLES)]


def _lacking(weights: Mapping[str, list[str]], variant: str | None) -> Iterator[tuple[str, str]]:
    """Compare files of weights with the variant that is wanted; a part without it is loaded from its plain files."""
    safe = {part: [name for name in names if name.endswith(".safetensors")] for part, names in weights.items()}
    if empty := [part for part, names in weights.items() if not names]:
        yield "id", f"the model's folder has no weights in {', '.join(empty)}"
    if pickled := [part for part, names in safe.items() if weights[part] and not names]:
        yield "id", f"the weights in {', '.join(pickled)} are pickles, which can run code: only safetensors are read"
    variants = sorted({one for names in safe.values() for name in names if (one := _variant(name))})
    if variant and variant not in variants:
        others = f": it has {', '.join(variants)}" if variants else ""
        yield "variant", f"no part of the model has files of the variant {variant}{others}"
    plain = [part for part, names in safe.items() if names and all(_variant(name) for name in names)]
    if not variant and plain:
        yield "variant", f"{', '.join(plain)} has files of a variant only: set model.variant to {variants[0]}"


def _damaged(source: ModelSource, weights: Mapping[str, list[str]]) -> Iterator[tuple[str, str]]:
    """Find files that were not copied whole, by their headers."""
    for part, names in weights.items():
        for name in sorted(names):
            try:
                if name.endswith(".safetensors") and (folder := source.cached_part(part)):
                    shapes_in(folder / name)
            except (OSError, ValueError) as error:
                yield "id", f"{part}/{name} cannot be used: {error}"


def _variant(name: str) -> str | None:
    """Return the variant of a file: `fp16` of `model.fp16.safetensors` and `model.fp16-00001-of-00002.safetensors`."""
    middle = name.split(".")[1:-1]
    return middle[0].partition("-")[0] if middle else None

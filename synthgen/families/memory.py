"""Which settings of memory and speed could not act: by the model's files, diffusers' source, and what is installed."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from importlib.metadata import PackageNotFoundError, version

from synthgen.families.call import PipelineCall
from synthgen.families.model_source import (
    attention_backends,
    bases_of,
    blocks_with_known_outputs,
    is_model,
    repeated_blocks,
    sets,
)
from synthgen.families.resolve import Read
from synthgen.families.signature import constant_of, source_of
from synthgen.spec import ModelSpec

PACKAGES: Mapping[str, str] = {
    "torchao": "torchao",
    "bitsandbytes": "bitsandbytes",
    "quanto": "optimum-quanto",
    "flash": "flash-attn",
    "_flash": "flash-attn-3",
    "sage": "sageattention",
    "_sage": "sageattention",
    "xformers": "xformers",
    "openvino": "openvino",
}
"""What has to be installed for a method of quantisation, an attention backend or a compiler, by how its name begins."""
_OTHER_DEVICES = ("_native_npu", "_native_xla")
_DECODERS = ("vae", "movq", "vqgan")
_BY_STEP = ("pyramid", "fastercache")
"""Caches that ask the pipeline how far it is, and do not distinguish what is computed with a prompt and without."""
_LEAVE_BLOCKS_OUT = ("magcache", "first_block")
_FAILS: Mapping[tuple[str, str], str] = {
    ("first_block", "Flux2Transformer2DModel"): "diffusers itself fails with it",
    ("taylorseer", "CogView4Transformer2DModel"): "diffusers finds none of its layers",
}
"""Caches and models of which running diffusers shows that they do not go together."""


def memory_problems(call: PipelineCall, read: Read, model: ModelSpec, *, guided: bool) -> Iterator[tuple[str, str]]:
    """Find settings of memory and speed that cannot act: the key of `model`, and why.

    Args:
        guided: whether images are guided, so that each step computes with the prompt and without.
    """
    index = read("model_index.json")
    parts = {name: str(kind[1]) for name, kind in index.items() if isinstance(kind, list) and len(kind) == 2}
    backbone = backbone_of(parts)
    own = parts.get(backbone, "")
    yield from _quantization(model, index, parts, backbone)
    if model.offload == "model" and not constant_of(call.pipeline, "model_cpu_offload_seq"):
        yield "offload", f"{call.pipeline} does not say in which order its models are used: take 'group'"
    yield from _decoder(model, parts)
    if model.attention != "auto" and (why := _attention(model.attention, own)):
        yield "attention", why
    if model.compile == "regional" and not repeated_blocks(own):
        yield "compile", f"diffusers does not say which blocks {own or call.pipeline} repeats: set 'full'"
    if model.compile == "openvino" and lacks("openvino"):
        yield "compile", "it needs the package openvino: pip install 'synthgen[openvino]'"
    if model.cache and (why := _cache(call, model, own, guided=guided)):
        yield "cache", why


def backbone_of(parts: Mapping[str, object]) -> str:
    """Return the name of the part that denoises: `transformer`, or else `unet`."""
    return "transformer" if "transformer" in parts else "unet"


def lacks(name: str) -> str | None:
    """Return the package that something of `PACKAGES` needs and that is not installed; None if none is."""
    begins = max((one for one in PACKAGES if name.startswith(one)), key=len, default=None)
    package = PACKAGES[begins] if begins else None
    try:
        if package:
            version(package)
    except PackageNotFoundError:
        return package
    return None


def _quantization(
    model: ModelSpec, index: Mapping[str, object], parts: Mapping[str, str], backbone: str
) -> Iterator[tuple[str, str]]:
    asked = model.quantization
    if asked is None:
        return
    if package := lacks(asked.method):
        yield "quantization", f"{asked.method} needs the package {package}: pip install {package}"
    for name in asked.parts or (backbone,):
        kind = index.get(name)
        if not isinstance(kind, list) or kind[0] not in ("diffusers", "transformers") or not _has_layers(str(kind[1])):
            known = ", ".join(one for one in parts if _has_layers(parts[one]))
            yield "quantization", f"the model has no weights in a part {name!r}: it has {known or 'none'}"
        elif name in _DECODERS:
            yield "quantization", f"{name} is made of convolutions, which {asked.method} leaves as they are"
    if any(adapter.kind == "lora" for adapter in model.adapters):
        yield "quantization", "LoRAs change weights that quantisation has replaced: use one of the two"


def _has_layers(kind: str) -> bool:
    words = ("Scheduler", "Tokenizer", "Processor", "FeatureExtractor", "Guidance", "TokenizerFast")
    return bool(kind) and kind != "None" and not kind.endswith(words)


def _decoder(model: ModelSpec, parts: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    decoder = next((parts[name] for name in _DECODERS if parts.get(name)), "")
    if model.vae_tiling and not sets(decoder, "use_tiling"):
        yield "vae_tiling", f"{decoder or 'this model, which has no decoder,'} cannot decode in tiles"
    if model.vae_slicing is True and not sets(decoder, "use_slicing"):
        yield "vae_slicing", f"{decoder or 'this model, which has no decoder,'} cannot decode images one by one"


def _attention(name: str, backbone: str) -> str | None:
    known = [one for one in attention_backends() if not one.endswith("_hub")]
    if name.endswith("_hub"):
        return f"{name} runs code that is fetched from the hub, which is never done: install its package instead"
    if name not in known:
        close = get_close_matches(name, known, n=1)
        return f"diffusers has no attention backend {name!r}" + (f"; did you mean {close[0]!r}?" if close else "")
    if name in _OTHER_DEVICES:
        return f"{name} is for a device that synthgen does not use"
    if package := lacks(name):
        return f"{name} needs the package {package}: pip install {package}"
    if is_model(backbone) and not sets(backbone, "_attention_backend"):
        return f"{backbone} computes attention in its own way, and takes no backend"
    return None


def _cache(call: PipelineCall, model: ModelSpec, backbone: str, *, guided: bool) -> str | None:
    assert model.cache is not None
    method = model.cache.method
    if "CacheMixin" not in bases_of(backbone):
        return f"{backbone or call.pipeline} has no place for a cache"
    code = source_of(call.pipeline, "__call__")
    if method in _BY_STEP:
        if not source_of(call.pipeline, "current_timestep"):
            return f"{call.pipeline} does not tell how far it is, which {method} needs: take 'taylorseer'"
        if guided:
            return f"{method} would mix what is computed with the prompt and without it: set guidance to 1"
    elif ".cache_context(" not in code:
        return f"{call.pipeline} does not tell what is computed with the prompt and without it: no cache can act"
    if method in _LEAVE_BLOCKS_OUT and (blocks := set(repeated_blocks(backbone)) - blocks_with_known_outputs()):
        return f"{method} does not know the blocks of {backbone} ({', '.join(sorted(blocks))})"
    if why := _FAILS.get((method, backbone)):
        return f"{method} does not work in {backbone}: {why}"
    if method == "magcache" and model.cache.ratios is None and not call.pipeline.startswith("FluxPipeline"):
        return "magcache needs `ratios` for these weights: what their calibration with diffusers printed"
    return None

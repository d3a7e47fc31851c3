"""Whether an adapter fits a model: its names and shapes against the model's, before any weights are read."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from synthgen.families.resolve import Read
from synthgen.families.signature import loads, mixins_of
from synthgen.models.adapter_header import ENCODERS
from synthgen.models.adapters import AdapterFile
from synthgen.models.weight_headers import sizes_of

_PREFIX = re.compile(
    r"(base_model\.model\.|model\.|diffusion_model\.|lora_unet_|unet\.|transformer\.|lora_transformer_)+"
)
_ENCODER = re.compile(r"(lora_te\d?_|text_encoder(_\d)?[._]|te\d?[._]|cond_stage_model|conditioner)")
_FACTOR = re.compile(
    r"(?P<module>.+?)[._](lora[._]?(?P<side>A|B|down|up)|lora_magnitude_vector|diff|diff_b|"
    r"(?P<other>lokr_\w+|hada_\w+|oft_\w+|alpha|dora_scale))([._]default)?(\.weight|\.bias)?"
)
_UNET = re.compile(r"(down_blocks|up_blocks|mid_block|input_blocks|output_blocks|middle_block)")
_IP = re.compile(r"(image_proj|ip_adapter|.*to_k_ip)\b")
_BY_TEXT_WIDTH = {768: "Stable Diffusion 1", 1024: "Stable Diffusion 2", 2048: "Stable Diffusion XL"}
"""Width of the text embedding that a UNet looks at, as each of these models has it."""
_BY_NAMES = (
    (re.compile(r".*(double_blocks|single_blocks)"), "a FLUX-like transformer", ("Flux", "Chroma", "Hunyuan")),
    (re.compile(r".*joint_blocks"), "Stable Diffusion 3", ("StableDiffusion3",)),
    (re.compile(r".*single_transformer_blocks"), "a transformer with single blocks, as FLUX has", ()),
)
"""What names of layers tell: the model, and the pipelines whose loader translates them."""
_MOST_VECTORS = 75
"""Tokens of a text that CLIP reads, without the first and the last."""
_OWN_NAMES = ("unet.", "transformer.")
"""Names with these in front are diffusers' own, which no loader translates."""
_KINDS = (("lokr_", "LoKr"), ("hada_", "LoHa"), ("oft_", "OFT"))
"""Weights that are no factors of a LoRA; diffusers reads them for few models, or for none."""


@dataclass(frozen=True, slots=True)
class _Layer:
    """What an adapter adds to: a layer of the denoiser, its names joined by `_`.

    Attributes:
        takes: how many values go in; None if the header does not tell.
        gives: how many come out.
    """

    takes: int | None = None
    gives: int | None = None


def adapter_problems(
    adapter: AdapterFile, pipeline: str, read: Read, part: Callable[[str], Path | None]
) -> Iterator[str]:
    """Say why an adapter cannot act on a model.

    Args:
        pipeline: the model's class.
        read: reads the JSON of the model's folder.
        part: finds the folder of a part on this machine; None if it is not here.
    """
    if find_spec("peft") is None and adapter.spec.kind == "lora":
        yield "it needs the package peft: pip install peft"
    names = adapter.header.shapes
    if any(_IP.match(name) for name in names):
        yield "it is an IP-Adapter, which is shown a picture: name it in `reference`"
        return
    if adapter.spec.kind == "textual_inversion":
        yield from _inversion_problems(adapter, pipeline, read)
        return
    if not any(base.endswith("LoraLoaderMixin") for base in mixins_of(pipeline)):
        yield f"diffusers has no loader of LoRAs for {pipeline}"
        return
    if kind := next(
        (kind for mark, kind in _KINDS if any(mark in name for name in names) and not loads(pipeline, mark)), None
    ):
        yield f"its weights are those of a {kind} adapter, which diffusers does not read for {pipeline}"
        return

    layers = _layers(names)
    if not layers and not any(_ENCODER.match(name) for name in names):
        what = "it is no LoRA: none of its weights is a factor of one"
        yield f"{what}; a textual inversion needs `kind: textual_inversion`" if len(names) <= 2 else what
        return
    own = any(name.startswith(_OWN_NAMES) for name in names)
    if layers and (why := _unfit(layers, pipeline, read, part, own=own)):
        yield f"it does not fit {pipeline}: {why}{_made_for(adapter, layers)}"


def _inversion_problems(adapter: AdapterFile, pipeline: str, read: Read) -> Iterator[str]:
    if "TextualInversionLoaderMixin" not in mixins_of(pipeline):
        yield f"diffusers has no loader of textual inversions for {pipeline}"
    shapes = adapter.header.shapes
    widths = [read(f"text_encoder{end}/config.json").get("hidden_size") for end in ("", "_2")]
    if shapes.keys() == set(ENCODERS):
        if widths[1] is None:
            yield "it has embeddings for two text encoders, and the model has one"
            return
        found = [(shapes[name], width) for name, width in zip(ENCODERS, widths, strict=True)]
    elif len(shapes) == 1:
        if widths[1] is not None:
            yield f"it has an embedding for one text encoder, and the model has two: {' and '.join(ENCODERS)}"
            return
        found = [(shape, widths[0]) for shape in shapes.values()]
    else:
        yield f"a textual inversion has one tensor, or {' and '.join(ENCODERS)}, and it has {len(shapes)}"
        return
    for shape, width in found:
        if not shape or len(shape) > 2 or (isinstance(width, int) and shape[-1] != width):
            yield f"its embedding has the shape {list(shape)}, and the text encoder's are {width} wide"
        elif len(shape) == 2 and not 0 < shape[0] <= _MOST_VECTORS:
            yield f"its embedding has {shape[0]:,} vectors, and a prompt has room for {_MOST_VECTORS}"


def _layers(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, _Layer]:
    """Find the denoiser's layers that an adapter names."""
    found: dict[str, _Layer] = {}
    for name, shape in shapes.items():
        match = None if _ENCODER.match(name) else _FACTOR.fullmatch(name)
        if match is None:
            continue
        layer = _flat(_PREFIX.sub("", match["module"], count=1))
        known = found.get(layer, _Layer())
        if match["side"] in ("A", "down") and len(shape) > 1:
            known = _Layer(shape[1], known.gives)
        elif match["side"] in ("B", "up") and len(shape) > 1:
            known = _Layer(known.takes, shape[0])
        found[layer] = known
    return found


def _flat(name: str) -> str:
    """Write the names of a layer in one way: `attn1.processor.to_q_lora` is `attn1_to_q`."""
    return name.replace(".", "_").replace("_processor_", "_").removesuffix("_lora")


def _unfit(
    layers: Mapping[str, _Layer], pipeline: str, read: Read, part: Callable[[str], Path | None], *, own: bool
) -> str | None:
    """Return why an adapter's layers are not the model's.

    Args:
        own: whether they have diffusers' own names.
    """
    unet = read("unet/config.json")
    config = unet or read("transformer/config.json")
    if not config:
        return None
    of_unet = sum(_UNET.match(name) is not None for name in layers)
    if unet and not of_unet:
        return "its layers are not those of a UNet"
    if not unet and of_unet > len(layers) / 2:
        return "its layers are those of a UNet, and the model is a transformer"
    folder = part("unet" if unet else "transformer")
    here = _sizes(folder) if folder else {}
    known = {name: layer for name, layer in layers.items() if name in here}
    for name, layer in known.items():
        for side, mine, theirs in (("takes", layer.takes, here[name].takes), ("gives", layer.gives, here[name].gives)):
            if None not in (mine, theirs) and mine != theirs:
                return f"its layer {name} {side} {mine} values, and the model's {theirs}"
    if here and (known or own) and len(known) < 0.9 * len(layers):
        strange = next(name for name in layers if name not in here)
        return f"the model has no layer {strange}, nor {len(layers) - len(known) - 1} others"
    if known:
        return None
    for pattern, _, pipelines in _BY_NAMES:
        if pipelines and not pipeline.startswith(pipelines) and any(pattern.match(name) for name in layers):
            return "its layers have the names of another model"
    return _by_width(layers, config)


def _sizes(folder: Path) -> dict[str, _Layer]:
    found = {}
    for name, shape in sizes_of(folder):
        if name.endswith(".weight") and len(shape) > 1:
            found[_flat(name.removesuffix(".weight"))] = _Layer(shape[1], shape[0])
    return found


def _by_width(layers: Mapping[str, _Layer], config: Mapping[str, object]) -> str | None:
    """Compare widths alone: of a model that is not here, or whose layers have other names there."""
    texts = config.get("cross_attention_dim")
    width = texts[0] if isinstance(texts, list) and texts else texts
    mine = _text_width(layers)
    if isinstance(width, int) and "down_block_types" in config:
        if mine is not None and mine != width:
            return f"it looks at texts {mine} values wide, and the model's are {width}"
        return None
    heads, each = config.get("num_attention_heads"), config.get("attention_head_dim")
    inner = heads * each if isinstance(heads, int) and isinstance(each, int) else None
    takes = Counter(layer.takes for layer in layers.values() if layer.takes is not None)
    if inner is not None and takes and inner not in takes:
        return f"most of its layers take {takes.most_common(1)[0][0]} values, and the model's {inner}"
    return None


def _text_width(layers: Mapping[str, _Layer]) -> int | None:
    """Return how wide the texts are that the layers of a UNet look at."""
    widths = [
        layer.takes
        for name, layer in layers.items()
        if _UNET.match(name) and re.search(r"attn2_to_[kv]$", name) and layer.takes
    ]
    return widths[0] if widths else None


def _made_for(adapter: AdapterFile, layers: Mapping[str, _Layer]) -> str:
    """Say what the adapter is made for, where it tells."""
    about = adapter.header.about
    for key in ("modelspec.architecture", "ss_base_model_version"):
        if text := re.sub(r"[^\w./ -]", "", about.get(key, ""))[:80]:
            return f"; its file says that it is made for {text.removesuffix('/lora')}"
    if width := _text_width(layers):
        return f"; it is made for {_BY_TEXT_WIDTH.get(width, f'a UNet whose texts are {width} values wide')}"
    named = next((kind for pattern, kind, _ in _BY_NAMES if any(pattern.match(name) for name in layers)), None)
    return f"; it is made for {named}" if named else ""

"""What lets images be like other pictures: diffusers' loaders of IP-Adapters, as data, and whether one fits."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from synthgen.bounded import near_name
from synthgen.families.call import PipelineCall
from synthgen.families.memory import backbone_of
from synthgen.families.signature import mixins_of, signature_of
from synthgen.models.part_source import PartSource
from synthgen.models.source import ModelSource
from synthgen.models.weight_headers import Shapes, shapes_in, sizes_of
from synthgen.spec import ModelSpec, ReferenceSpec


@dataclass(frozen=True, slots=True)
class ReferenceRoles:
    """How pipelines take IP-Adapters.

    Attributes:
        mixin: diffusers' loader of them.
        encoder: the class of their image encoder in transformers.
        made: how settings of image encoders that fit call their kind.
        of: the models that they change, in words.
        several: whether a pipeline takes more than one.
    """

    mixin: str
    encoder: str
    made: tuple[str, ...]
    of: str
    several: bool = True


_CLIP = ("CLIPVisionModelWithProjection", ("clip", "clip_vision_model"))
_LOADERS = (
    ReferenceRoles("IPAdapterMixin", *_CLIP, "a UNet"),
    ReferenceRoles("FluxIPAdapterMixin", *_CLIP, "a FLUX transformer"),
    ReferenceRoles(
        "SD3IPAdapterMixin",
        "SiglipVisionModel",
        ("siglip", "siglip_vision_model"),
        "Stable Diffusion 3",
        several=False,
    ),
)
NOT_SHOWN: Mapping[str, str] = {
    "KolorsPAGPipeline": "diffusers itself fails with them",
    "StableDiffusionPanoramaPipeline": "it draws an image in views, with which references were not compared",
    "StableDiffusionSAGPipeline": "it guides by its own attention, with which references were not compared",
}
"""Pipelines that make images and take IP-Adapters, and that are shown none, with the reasons."""
_BACKBONES: Mapping[str, str] = {"IPAdapterMixin": "unet"}
_LAYER = re.compile(r"(?:ip_adapter|double_blocks)\.(\d+)\.(?:processor\.)?(?:ip_adapter_double_stream_k_proj|to_k_ip)")
_PLAIN = ("image_proj.proj.weight", "ip_adapter_proj_model.proj.weight")
_RESAMPLED, _FULL = "image_proj.proj_in.weight", "image_proj.proj.0.weight"


def reference_of(pipeline: str) -> ReferenceRoles | None:
    """Return how a pipeline takes IP-Adapters; None if it does not.

    Example:
        >>> reference_of("FluxPipeline").encoder, reference_of("QwenImagePipeline")
        ('CLIPVisionModelWithProjection', None)
    """
    signature, mixins = signature_of(pipeline), mixins_of(pipeline)
    if signature is None or not {"ip_adapter_image", "ip_adapter_image_embeds"} <= signature.takes.keys():
        return None
    return next((one for one in _LOADERS if one.mixin in mixins), None)


def reference_problems(
    call: PipelineCall, model: ModelSpec, references: Sequence[ReferenceSpec], source: ModelSource
) -> Iterator[tuple[str, str]]:
    """Find what cannot act in the references of a spec: its key, and why. Reads headers of weights that are here."""
    row = reference_of(call.pipeline)
    if row is None:
        yield "reference", f"diffusers has no IP-Adapters for {call.pipeline}: remove it, or choose another model"
        return
    if why := NOT_SHOWN.get(call.pipeline):
        yield "reference", f"{call.pipeline} is shown no pictures: {why}"
        return
    if len(references) > 1 and not row.several:
        yield "reference.1", f"{call.pipeline} takes one IP-Adapter, and {len(references)} are given"
    backbone = backbone_of(source.read_json("model_index.json"))
    if model.quantization is not None and backbone in (model.quantization.parts or (backbone,)):
        yield "model.quantization", f"IP-Adapters add layers to the {backbone}, whose weights it would replace"
    if model.cache is not None:
        yield "model.cache", "steps taken over from earlier ones were not compared with references: remove it"

    parts = {part.name: part for part in source.references}
    for index in range(len(references)):
        at = f"reference.{index}"
        encoder = parts[f"{at}.encoder"]
        config = source.read_json(f"{encoder.name}/config.json")
        yield from ((f"{at}.encoder", why) for why in _unfit_encoder(row, encoder, config))
        yield from ((f"{at}.file", why) for why in _unfit(row, parts[at], config, source))
        first = parts["reference.0.encoder"]
        if (encoder.revision, encoder.within) != (first.revision, first.within) and not (
            encoder.is_local and encoder.revision == first.revision
        ):
            yield f"{at}.encoder", "it is another one than that of reference.0: a pipeline has one for all"


def _unfit_encoder(row: ReferenceRoles, encoder: PartSource, config: Mapping[str, object]) -> Iterator[str]:
    folder = encoder.here if encoder.is_local else None
    if folder is not None and not folder.is_dir():
        yield f"the folder {folder} does not exist, and an IP-Adapter needs an image encoder"
        return
    if not config:
        yield f"{encoder.location} has no {encoder.inside('config.json')} that can be read"
        return
    made = config.get("model_type")
    if made not in row.made:
        yield f"it is of the kind {made!r}, and IP-Adapters of {row.of} look through {row.encoder}"
    if folder is not None and not any(folder.glob("*.safetensors")):
        pickled = any(folder.glob("*.bin"))
        yield f"{folder} has {'only pickles, which can run code' if pickled else 'no weights'}: expected safetensors"


def _unfit(row: ReferenceRoles, part: PartSource, encoder: Mapping[str, object], source: ModelSource) -> Iterator[str]:
    """Compare the layers of an IP-Adapter with those of the denoiser, and its projection with the image encoder."""
    file = part.here
    if file is None:
        return  # on the hub, and not here: it is checked before it is opened
    if not file.exists():
        near = near_name(file.name, [each.name for each in file.parent.iterdir()] if file.parent.is_dir() else [])
        yield f"there is no file {file}" + (f"; did you mean {near}?" if near else "")
        return
    try:
        shapes = shapes_in(file)
    except (OSError, ValueError) as error:
        yield f"{part.location} cannot be used: {error}"
        return
    layers = {
        int(found[1]): shape for name, shape in shapes.items() if (found := _LAYER.match(name)) and len(shape) > 1
    }
    if not layers or not any(name.startswith(("image_proj.", "ip_adapter_proj_model.")) for name in shapes):
        yield f"{part.location} is not an IP-Adapter: it has no weights ip_adapter.* and image_proj.*"
        return

    if (made_for := _made_for(shapes)) != row.of:
        yield f"it is an IP-Adapter of {made_for}, and the model is {row.of}"
        return
    if _looks_at_faces(shapes):
        yield "it looks at numbers of faces (FaceID), which insightface computes, and synthgen does not"
        return
    yield from _unfit_layers(row, layers, source)
    if encoder:
        yield from _unfit_projection(row, shapes, encoder)


def _made_for(shapes: Shapes) -> str:
    if any(".norm_ip." in name for name in shapes):
        return "Stable Diffusion 3"
    biased = any(name.startswith("double_blocks.") or name.endswith(".to_k_ip.bias") for name in shapes)
    return "a FLUX transformer" if biased else "a UNet"


def _looks_at_faces(shapes: Shapes) -> bool:
    if "image_proj.perceiver_resampler.proj_in.weight" in shapes:
        return True
    pictured = {*_PLAIN, "image_proj.proj.3.weight"} & shapes.keys()
    return "image_proj.norm.weight" in shapes and not pictured


def _unfit_layers(row: ReferenceRoles, layers: Mapping[int, tuple[int, ...]], source: ModelSource) -> Iterator[str]:
    name = _BACKBONES.get(row.mixin, "transformer")
    config = source.read_json(f"{name}/config.json")
    mine, theirs = next(iter(layers.values()))[1], _width(row, config)
    if theirs is not None and mine != theirs:
        yield f"its layers look at {mine} values, and the model's at {theirs}: it was made for another model"
        return
    attended = _attended(source)
    depth = config.get("num_layers") if name == "transformer" else len(attended) or None
    if isinstance(depth, int) and depth != len(layers):
        yield f"it has {len(layers)} layers, and the model {depth}: it was made for another model"
    elif attended and attended != sorted(shape[0] for shape in layers.values()):
        yield "its layers give other numbers of values than the model's: it was made for another model"


def _width(row: ReferenceRoles, config: Mapping[str, object]) -> int | None:
    """Return how many values the layers look at."""
    if row.several:
        found = config.get("cross_attention_dim") or config.get("joint_attention_dim")
        return found if isinstance(found, int) else None
    heads, each = config.get("num_attention_heads"), config.get("attention_head_dim")
    return heads * each if isinstance(heads, int) and isinstance(each, int) else None


def _attended(source: ModelSource) -> list[int]:
    """List how many values the layers of a UNet give that look at the text, as far as its weights are here."""
    folder = source.cached_part("unet")
    found = dict(sizes_of(folder)) if folder else {}  # files of a variant have the same names
    return sorted(shape[0] for name, shape in found.items() if name.endswith("attn2.to_k.weight"))


def _unfit_projection(row: ReferenceRoles, shapes: Shapes, encoder: Mapping[str, object]) -> Iterator[str]:
    """Compare what an IP-Adapter takes of the image encoder with what that gives."""
    vision = encoder.get("vision_config")
    vision = {**vision, **encoder} if isinstance(vision, dict) else encoder
    plain = next((shapes[name] for name in _PLAIN if name in shapes), None)
    if plain is None and row.mixin == "FluxIPAdapterMixin":
        yield "diffusers reads only IP-Adapters of a FLUX transformer that have image_proj.proj.weight"
        return
    taken = plain or shapes.get(_RESAMPLED) or shapes.get(_FULL)
    # Without values of their own, settings have those of transformers: 512 for a projection, 768 for a state.
    gives = vision.get("projection_dim", 512) if plain else vision.get("hidden_size", 768)
    if taken is not None and len(taken) > 1 and taken[1] != gives:
        yield f"it takes {taken[1]} values of its image encoder, which gives {gives}: it was made for another one"

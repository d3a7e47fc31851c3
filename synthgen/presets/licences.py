"""Licences, what their words say of training models on outputs, and which models have them. The one place that says so.

It is what an engineer read, and no legal advice. A model that is not in the table is `unknown`, whatever is said of it.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from synthgen.presets.licence import Licence, MayTrain
from synthgen.spec import BUNDLED_JUDGE, BUNDLED_MODEL, BUNDLED_READER, DEFAULT_JUDGE
from synthgen.spec.adapters import BUNDLED_ADAPTERS
from synthgen.spec.control import BUNDLED_CONTROLS

_YES, _LIMITED, _UNKNOWN, _NO = MayTrain.YES, MayTrain.LIMITED, MayTrain.UNKNOWN, MayTrain.NO
_OPEN = "https://github.com/Stability-AI/generative-models/blob/main/model_licenses/LICENSE-SDXL1.0"
_SYNTHETIC = (
    "the licensor claims no rights in outputs (section 6); a model trained on them to perform like this one is a "
    "derivative and keeps the use restrictions (definitions, sections 4 and 5)"
)

APACHE = Licence(
    "apache-2.0",
    "Apache-2.0",
    "https://www.apache.org/licenses/LICENSE-2.0",
    _YES,
    _YES,
    "it limits no use of the model and has no condition for what it draws",
)
MIT = Licence(
    "mit", "MIT", "https://opensource.org/license/mit", _YES, _YES, "it limits no use and has no condition for outputs"
)
OPENRAIL_M = Licence(
    "creativeml-openrail-m",
    "CreativeML Open RAIL-M",
    "https://huggingface.co/spaces/CompVis/stable-diffusion-license",
    _YES,
    _YES,
    _SYNTHETIC,
)
OPENRAIL_PP = Licence("openrail++", "CreativeML Open RAIL++-M", _OPEN, _YES, _YES, _SYNTHETIC)
OPENRAIL = Licence(
    "openrail",
    "Open RAIL",
    "https://huggingface.co/lllyasviel/control_v11p_sd15_canny",
    _UNKNOWN,
    _UNKNOWN,
    "its page names a kind of licence, and has no text of it",
)
HYPER = Licence(
    "hyper-sd",
    "Hyper-SD's own",
    "https://huggingface.co/ByteDance/Hyper-SD/commit/2e3ed1ad31c9154df24bd25f0cd3f97fa23aba1f",
    _UNKNOWN,
    _UNKNOWN,
    "its README named Open RAIL++-M until August 2024, when that was taken out; its LICENSE.md could not be read",
)
STABILITY = Licence(
    "stabilityai-ai-community",
    "Stability AI Community",
    "https://huggingface.co/stabilityai/stable-diffusion-3.5-large/blob/main/LICENSE.md",
    _LIMITED,
    _LIMITED,
    "outputs may not be used to create or improve any foundational generative AI model but Stability's own and their "
    "derivatives (section IV.b); other models are not named. Companies above 1 million US dollars of revenue need "
    "another licence",
)
STABILITY_NC = Licence(
    "sai-nc-community",
    "Stability non-commercial",
    "https://github.com/Stability-AI/generative-models/blob/main/model_licenses/LICENSE-SDXL-Turbo",
    _NO,
    _YES,
    "a model that is derived from outputs is a derivative work (definitions, b), which section 1.a allows for "
    "non-commercial use alone. The text of November 2023 was read; for commercial use the model card refers to "
    "stability.ai/license",
)
FLUX_DEV = Licence(
    "flux-1-dev-non-commercial-license",
    "FLUX.1-dev Non-Commercial",
    "https://github.com/black-forest-labs/flux/blob/main/model_licenses/LICENSE-FLUX1-dev",
    _LIMITED,
    _LIMITED,
    "version 1.1.1: outputs may be used for any purpose, but not to train, fine-tune or distill a model that competes "
    "with FLUX.1 [dev] (section 2.d). The model itself is for non-commercial use",
)
NVIDIA = Licence(
    "nvidia-research",
    "NVIDIA research",
    "https://huggingface.co/Efficient-Large-Model/SANA1.5_1.6B_1024px_diffusers/blob/main/LICENSE.txt",
    _UNKNOWN,
    _UNKNOWN,
    "the model may be used for research and evaluation only (section 3.3), and whether that holds for what it draws "
    "is not said",
)
GEMMA = Licence(
    "gemma",
    "Gemma terms",
    "https://ai.google.dev/gemma/terms",
    _UNKNOWN,
    _UNKNOWN,
    "the text encoder is Gemma, whose terms count models trained on Gemma's output as derivatives (1.1.e), and do not "
    "say whether images are meant",
)
LLAMA = Licence(
    "llama3.1",
    "Llama 3.1 Community",
    "https://github.com/HiDream-ai/HiDream-I1/blob/main/LICENSE",
    _UNKNOWN,
    _UNKNOWN,
    "one text encoder is Llama 3.1, whose licence has conditions for models trained with it or its outputs, and does "
    "not say whether images are meant",
)

TEXTS: Mapping[str, Licence] = MappingProxyType(
    {
        each.id: each
        for each in (
            APACHE, MIT, OPENRAIL_M, OPENRAIL_PP, OPENRAIL, HYPER, STABILITY, STABILITY_NC, FLUX_DEV, NVIDIA, GEMMA,
            LLAMA,
        )
    }
)  # fmt: skip
"""By the ids that specs and model cards name."""

MODELS: Mapping[str, tuple[Licence, ...]] = MappingProxyType(
    {
        **dict.fromkeys(
            (BUNDLED_MODEL, BUNDLED_JUDGE, BUNDLED_READER, *BUNDLED_ADAPTERS, *BUNDLED_CONTROLS), (APACHE,)
        ),
        "stable-diffusion-v1-5/stable-diffusion-v1-5": (OPENRAIL_M,),
        "latent-consistency/lcm-lora-sdv1-5": (OPENRAIL_PP,),
        "lllyasviel/control_v11p_sd15_canny": (OPENRAIL,),
        "stabilityai/sd-turbo": (STABILITY_NC,),
        "stabilityai/stable-diffusion-xl-base-1.0": (OPENRAIL_PP,),
        "nerijs/pixel-art-xl": (OPENRAIL_M,),
        "latent-consistency/lcm-lora-sdxl": (OPENRAIL_PP,),
        "ByteDance/SDXL-Lightning": (OPENRAIL_PP,),
        "ByteDance/Hyper-SD": (HYPER,),
        "h94/IP-Adapter": (APACHE,),
        "stabilityai/sdxl-turbo": (STABILITY_NC,),
        "stabilityai/stable-diffusion-3.5-large": (STABILITY,),
        "stabilityai/stable-diffusion-3.5-medium": (STABILITY,),
        "black-forest-labs/FLUX.1-schnell": (APACHE,),
        "black-forest-labs/FLUX.1-dev": (FLUX_DEV,),
        "black-forest-labs/FLUX.2-klein-4B": (APACHE,),
        "Tongyi-MAI/Z-Image-Turbo": (APACHE,),
        "Tongyi-MAI/Z-Image": (APACHE,),
        "Qwen/Qwen-Image": (APACHE,),
        "lightx2v/Qwen-Image-Lightning": (APACHE,),
        "Efficient-Large-Model/Sana_1600M_1024px_BF16_diffusers": (NVIDIA, GEMMA),
        "Efficient-Large-Model/Sana_Sprint_1.6B_1024px_diffusers": (NVIDIA, GEMMA),
        "Photoroom/prx-512-t2i-sft": (APACHE, GEMMA),
        "lodestones/Chroma1-HD": (APACHE,),
        "Alpha-VLLM/Lumina-Image-2.0": (APACHE, GEMMA),
        "HiDream-ai/HiDream-I1-Full": (MIT, LLAMA),
        "IDEA-Research/grounding-dino-tiny": (APACHE,),
        DEFAULT_JUDGE: (MIT,),
        "laion/CLIP-ViT-B-32-laion2B-s34B-b79K": (MIT,),
    }
)
"""By the ids that specs name, at every revision: all licences of a model bind, its text encoders' too."""


def licences_of(model_id: str, said: Sequence[str] = ()) -> tuple[Licence, ...]:
    """Return the licences of a model: the table's, or else those that were said of it.

    Args:
        said: ids of licences that the spec or the model's own card names. One without a known text is `unknown`.
    """
    return MODELS.get(model_id) or tuple(TEXTS.get(each.lower()) or unread(each) for each in said)


def unread(name: str) -> Licence:
    """Return a licence of which only the name is known."""
    what = "synthgen's table has no such licence: nobody read what it says of outputs"
    return Licence(name.lower(), name, "", _UNKNOWN, _UNKNOWN, what)


UNKNOWN = Licence(
    "unknown", "unknown", "", _UNKNOWN, _UNKNOWN, "neither synthgen's table nor the model's card names a licence"
)

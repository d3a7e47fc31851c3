"""Licences of presets, and what their words say of training models on what these draw."""

from synthgen.presets.preset import Licence, MayTrain

_APACHE = "https://www.apache.org/licenses/LICENSE-2.0"
_GEMMA = "https://ai.google.dev/gemma/terms"
_OPEN = "https://github.com/Stability-AI/generative-models/blob/main/model_licenses/LICENSE-SDXL1.0"
_SYNTHETIC = (
    "the licensor claims no rights in outputs (section 6); a model trained on them to perform like this one is a "
    "derivative and keeps the use restrictions (definitions, sections 4 and 5)"
)

APACHE = Licence(
    "Apache-2.0", _APACHE, MayTrain.YES, "it limits no use of the model and has no condition for what it draws"
)
OPENRAIL_M = Licence(
    "CreativeML Open RAIL-M", "https://huggingface.co/spaces/CompVis/stable-diffusion-license", MayTrain.YES, _SYNTHETIC
)
OPENRAIL_PP = Licence("CreativeML Open RAIL++-M", _OPEN, MayTrain.YES, _SYNTHETIC)
OPENRAIL_BOTH = Licence(
    "Open RAIL-M and RAIL++-M",
    "https://huggingface.co/spaces/CompVis/stable-diffusion-license",
    MayTrain.YES,
    f"one licence is the model's, the other the LoRA's; in both, {_SYNTHETIC}",
)
HYPER = Licence(
    "CreativeML Open RAIL++-M",
    _OPEN,
    MayTrain.UNCLEAR,
    "that is the base model's licence, and what the LoRA's README of April 2024 names; the LoRA's own LICENSE.md could "
    "not be read",
)
STABILITY = Licence(
    "Stability AI Community",
    "https://huggingface.co/stabilityai/stable-diffusion-3.5-large/blob/main/LICENSE.md",
    MayTrain.LIMITED,
    "outputs may not be used to create or improve any foundational generative AI model but Stability's own and their "
    "derivatives (section IV.b); other models are not named. Companies above 1 million US dollars of revenue need "
    "another licence",
)
STABILITY_NC = Licence(
    "Stability non-commercial",
    "https://github.com/Stability-AI/generative-models/blob/main/model_licenses/LICENSE-SDXL-Turbo",
    MayTrain.LIMITED,
    "a model that is derived from outputs is a derivative work (definitions, b), which section 1.a allows for "
    "non-commercial use alone. The text of November 2023 was read; for commercial use the model card refers to "
    "stability.ai/license",
)
FLUX_DEV = Licence(
    "FLUX.1-dev Non-Commercial",
    "https://github.com/black-forest-labs/flux/blob/main/model_licenses/LICENSE-FLUX1-dev",
    MayTrain.LIMITED,
    "version 1.1.1: outputs may be used for any purpose, but not to train, fine-tune or distill a model that competes "
    "with FLUX.1 [dev] (section 2.d). The model itself is for non-commercial use",
)
NVIDIA = Licence(
    "NVIDIA research, Gemma",
    "https://huggingface.co/Efficient-Large-Model/SANA1.5_1.6B_1024px_diffusers/blob/main/LICENSE.txt",
    MayTrain.UNCLEAR,
    "the model may be used for research and evaluation only (section 3.3), and whether that holds for what it draws "
    f"is not said. Its text encoder is Gemma, whose terms ({_GEMMA}) count models trained on Gemma's output as "
    "derivatives, and do not say whether images are meant",
)
APACHE_GEMMA = Licence(
    "Apache-2.0, Gemma terms",
    _GEMMA,
    MayTrain.UNCLEAR,
    "the weights are under Apache-2.0, which has no condition for what they draw. The text encoder is Gemma, whose "
    "terms count models trained on Gemma's output as derivatives (1.1.e), and do not say whether images are meant",
)
MIT_LLAMA = Licence(
    "MIT, Llama 3.1 Community",
    "https://github.com/HiDream-ai/HiDream-I1/blob/main/LICENSE",
    MayTrain.UNCLEAR,
    "the weights are under MIT, which has no condition for what they draw. One text encoder is Llama 3.1, whose "
    "licence has conditions for models trained with it or its outputs, and does not say whether images are meant",
)

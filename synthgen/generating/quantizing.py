"""How the parts of a pipeline are quantised while they are loaded."""

from collections.abc import Mapping

import diffusers
import torch
import transformers
from diffusers import PipelineQuantizationConfig

from synthgen.errors import ModelError, first_line
from synthgen.families.memory import backbone_of
from synthgen.models.device import device_error
from synthgen.spec import ModelSpec


def quantization_of(
    model: ModelSpec, index: Mapping[str, object], dtype: torch.dtype
) -> PipelineQuantizationConfig | None:
    """Return how diffusers and transformers are to quantise the parts that a spec names; None if it names none.

    Args:
        index: the content of `model_index.json`.
        dtype: in which format the quantised weights are computed with.

    Raises:
        ModelError: the package cannot be imported, or does not have this method.
    """
    asked = model.quantization
    if asked is None:
        return None
    parts = asked.parts or (backbone_of(index),)
    try:
        return PipelineQuantizationConfig(
            quant_mapping={name: _config(asked.method, _library(index, name), dtype) for name in parts}
        )
    except (ImportError, AttributeError, ValueError, TypeError, RuntimeError, OSError) as error:
        what = f"model.quantization: {asked.method} cannot be used here: {first_line(error)}"
        unfit = ModelError(what, hint="Update the package, or choose another method.")
        raise device_error(error, "making ready to quantise") or unfit from error


def _library(index: Mapping[str, object], part: str) -> str:
    kind = index.get(part)
    return str(kind[0]) if isinstance(kind, list) and kind else "diffusers"


def _config(method: str, library: str, dtype: torch.dtype) -> object:
    """Make the configuration of a method, of the library that loads the part."""
    package, _, kind = method.partition("-")
    of_transformers = library == "transformers"
    match package:
        case "torchao":
            from torchao.quantization import Float8WeightOnlyConfig, Int8WeightOnlyConfig

            own = Int8WeightOnlyConfig() if kind == "int8" else Float8WeightOnlyConfig()
            return (transformers if of_transformers else diffusers).TorchAoConfig(own)
        case "quanto":
            if of_transformers:
                return transformers.QuantoConfig(weights=kind)
            return diffusers.QuantoConfig(weights_dtype=kind)
    options: dict[str, object] = {"load_in_8bit": True}
    if kind == "4bit":
        options = {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_compute_dtype": dtype}
    return (transformers if of_transformers else diffusers).BitsAndBytesConfig(**options)

"""How a model fits a device and runs fast: fewer bits for its weights, and what is reused between steps."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from synthgen.spec.fields import Section, VariableName, like

Quantizer = Literal[
    "torchao-int8",
    "torchao-float8",
    "bitsandbytes-8bit",
    "bitsandbytes-4bit",
    "quanto-int8",
    "quanto-float8",
]
CacheMethod = Literal["taylorseer", "magcache", "pyramid", "fastercache", "first_block"]
AttentionName = Annotated[
    str, like(r"^_?[a-z][a-z0-9_]*$", "the name of an attention backend of diffusers, such as 'native'", 64)
]


class QuantizationSpec(Section):
    """Weights in fewer bits, made so while the model is loaded."""

    method: Quantizer = Field(description="The package, and what it makes of each weight.")
    parts: Annotated[tuple[VariableName, ...], Field(strict=False, min_length=1)] | None = Field(
        None,
        description="Which parts of the model, by their names in its model_index.json, such as [transformer, "
        "text_encoder]. Default: the one that denoises.",
    )


class CacheSpec(Section):
    """What denoising steps take over from earlier ones instead of computing it again."""

    method: CacheMethod = Field(
        description="'taylorseer', 'magcache', 'pyramid' and 'fastercache' follow a schedule; 'first_block' looks at "
        "the image, and so draws one at a time."
    )
    interval: Annotated[int, Field(ge=2, le=100)] | None = Field(
        None,
        description="Compute every so many steps in full. Default: 5 for 'taylorseer', 2 for 'pyramid' and "
        "'fastercache'.",
    )
    warmup: Annotated[int, Field(ge=1, le=1000)] | None = Field(
        None, description="For 'taylorseer': how many steps are computed in full first. Default: 3."
    )
    threshold: Annotated[float, Field(gt=0, le=10)] | None = Field(
        None,
        description="For 'magcache' and 'first_block': how much error is taken. Default: 0.06 and 0.05.",
    )
    ratios: Annotated[tuple[Annotated[float, Field(gt=0, le=100)], ...], Field(strict=False, min_length=2)] | None = (
        Field(
            None,
            description="For 'magcache': how much each step changes in these weights, as its calibration prints "
            "it. Default: diffusers' own for FLUX.1; other models need them.",
        )
    )


def _method_alone(value: object) -> object:
    """`torchao-int8` is short for `{method: torchao-int8}`."""
    return {"method": value} if isinstance(value, str) else value


def _off(value: object) -> object:
    """YAML reads `off` as false."""
    return "off" if value is False else value


Quantization = Annotated[
    QuantizationSpec, BeforeValidator(_method_alone, json_schema_input_type=QuantizationSpec | Quantizer)
]
Cache = Annotated[CacheSpec, BeforeValidator(_method_alone, json_schema_input_type=CacheSpec | CacheMethod)]
Compile = Annotated[
    Literal["auto", "off", "regional", "full", "openvino"],
    BeforeValidator(_off, json_schema_input_type=Literal["auto", "off", "regional", "full", "openvino", False]),
]
Offload = Literal["auto", "none", "encoders", "model", "group"]

TAKES: Mapping[str, frozenset[str]] = {
    "taylorseer": frozenset({"interval", "warmup"}),
    "magcache": frozenset({"threshold", "ratios"}),
    "pyramid": frozenset({"interval"}),
    "fastercache": frozenset({"interval"}),
    "first_block": frozenset({"threshold"}),
}
"""The keys of each kind of cache."""

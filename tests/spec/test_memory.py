"""Keys of memory and speed: short forms, what goes together, and what is part of a plan."""

import pytest

from synthgen.errors import SpecError
from synthgen.planning import Revisions, make_plan
from synthgen.spec import Spec, parse_spec

SPEC = """
synthgen: 1
name: portraits
model: {id: ./model%s}
classes: {doctor: 4, chef: 4}
prompts: {templates: [a {class}]}
""".replace("{class}", "'{class}'").replace("[a '{class}']", "['a {class}']")


def spec_with(keys: str) -> Spec:
    return parse_spec(SPEC % keys)


def fingerprint(spec: Spec) -> str:
    return make_plan(spec, Revisions("content:a", "content:b")).fingerprint


def test_short_forms_mean_the_long_ones() -> None:
    short = spec_with(", quantization: torchao-int8, cache: taylorseer, compile: off")
    long = spec_with(", quantization: {method: torchao-int8}, cache: {method: taylorseer}, compile: 'off'")
    assert short == long
    assert short.model.compile == "off"


@pytest.mark.parametrize(
    ("keys", "changes"),
    [
        ("quantization: torchao-int8", True),
        ("cache: taylorseer", True),
        ("vae_tiling: true", True),
        ("attention: native", True),
        ("offload: model", False),
        ("compile: full", False),
        ("compile: openvino", False),
        ("vae_slicing: true", False),
        ("quantization: null, cache: null, vae_tiling: false, attention: auto", False),
    ],
)
def test_the_fingerprint_has_what_changes_pictures_and_nothing_else(keys: str, changes: bool) -> None:
    assert (fingerprint(spec_with(f", {keys}")) != fingerprint(spec_with(""))) is changes


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("cache: {method: pyramid, threshold: 0.1}", "a cache of the kind pyramid has no such setting"),
        ("cache: taylorseer, compile: full", "set one of the two"),
        ("compile: openvino, cache: taylorseer", "set one of the two"),
        ("compile: openvino, quantization: torchao-int8", "takes no model.quantization"),
        ("compile: openvino, attention: native", "takes no model.attention"),
        ("compile: openvino, dtype: bfloat16", "computes in float32"),
        ("compile: openvino, offload: model", "takes no model.offload"),
        ("compile: openvino, adapters: [{id: ./style.safetensors}]", "LoRAs"),
        ("cache: teacache", "'taylorseer'"),
        ("quantization: torchao-int8x", "did you mean 'torchao-int8'?"),
        ("compile: fast", "auto, off, regional, full or openvino"),
        ("attention: ../kernel", "the name of an attention backend"),
        ("offload: disk", "'encoders'"),
    ],
)
def test_what_does_not_go_together_is_refused_at_its_place(keys: str, expected: str) -> None:
    with pytest.raises(SpecError, match=r"line 5|:5:|model") as refused:
        spec_with(f", {keys}")
    assert expected in str(refused.value)


def test_a_plug_in_decides_for_itself() -> None:
    with pytest.raises(SpecError, match="decides this itself"):
        parse_spec((SPEC % ", offload: model").replace("./model", "plugin:mine"))

"""Settings of memory and speed that cannot act are found from JSON and source, with the exact reason."""

from collections.abc import Mapping

import pytest

from synthgen.families import call_of
from synthgen.families.memory import lacks, memory_problems
from synthgen.families.model_source import attention_backends, bases_of, is_model, repeated_blocks
from synthgen.spec import ModelSpec

FLUX = {
    "_class_name": "FluxPipeline",
    "transformer": ["diffusers", "FluxTransformer2DModel"],
    "vae": ["diffusers", "AutoencoderKL"],
    "text_encoder_2": ["transformers", "T5EncoderModel"],
    "tokenizer_2": ["transformers", "T5Tokenizer"],
}
SDXL = {
    "_class_name": "StableDiffusionXLPipeline",
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}


def named(pipeline: str, transformer: str) -> dict[str, object]:
    return {"_class_name": pipeline, "transformer": ["diffusers", transformer], "vae": ["diffusers", "AutoencoderKL"]}


def problems(index: Mapping[str, object], keys: Mapping[str, object], *, guided: bool = False) -> dict[str, str]:
    def read(name: str) -> Mapping[str, object]:
        return index if name == "model_index.json" else {}

    model = ModelSpec.model_validate({"id": "./model", **keys})
    return dict(memory_problems(call_of(read), read, model, guided=guided))


def test_nothing_is_refused_that_is_not_asked_for() -> None:
    assert problems(FLUX, {}) == problems(SDXL, {}) == {}


@pytest.mark.parametrize("method", ["taylorseer", "magcache", "pyramid", "fastercache", "first_block"])
def test_caches_act_in_a_transformer_that_has_a_place_for_them_and_in_no_unet(method: str) -> None:
    assert problems(FLUX, {"cache": method}) == {}
    assert problems(SDXL, {"cache": method}) == {"cache": "UNet2DConditionModel has no place for a cache"}


@pytest.mark.parametrize(
    ("pipeline", "transformer", "method", "guided", "why"),
    [
        ("FluxPipeline", "FluxTransformer2DModel", "pyramid", True, "set guidance to 1"),
        ("QwenImagePipeline", "QwenImageTransformer2DModel", "fastercache", True, "set guidance to 1"),
        ("QwenImagePipeline", "QwenImageTransformer2DModel", "magcache", False, "needs `ratios`"),
        ("ChromaPipeline", "ChromaTransformer2DModel", "taylorseer", False, "no cache can act"),
        ("OvisImagePipeline", "OvisImageTransformer2DModel", "first_block", False, "does not know the blocks"),
        ("Flux2KleinPipeline", "Flux2Transformer2DModel", "first_block", False, "diffusers itself fails"),
        ("BriaPipeline", "BriaTransformer2DModel", "pyramid", False, "does not tell how far it is"),
    ],
)
def test_a_cache_that_would_not_act_rightly_is_refused(
    pipeline: str, transformer: str, method: str, guided: bool, why: str
) -> None:
    assert why in problems(named(pipeline, transformer), {"cache": method}, guided=guided)["cache"]


@pytest.mark.parametrize(
    ("index", "keys", "why"),
    [
        (FLUX, {"attention": "flash"}, {"attention": "flash needs the package flash-attn: pip install flash-attn"}),
        (FLUX, {"attention": "sage"}, {"attention": "needs the package sageattention"}),
        (FLUX, {"attention": "flash_hub"}, {"attention": "code that is fetched from the hub"}),
        (FLUX, {"attention": "natife"}, {"attention": "did you mean 'native'?"}),
        (SDXL, {"attention": "native"}, {"attention": "takes no backend"}),
        (FLUX, {"quantization": "bitsandbytes-4bit"}, {"quantization": "needs the package bitsandbytes"}),
        (FLUX, {"quantization": "quanto-int8"}, {"quantization": "needs the package optimum-quanto"}),
        (SDXL, {"vae_tiling": True, "vae_slicing": True, "offload": "model", "compile": "regional"}, {}),
        (named("SanaPipeline", "SanaTransformer2DModel"), {"compile": "regional"}, {"compile": "set 'full'"}),
    ],
)
def test_what_is_missing_is_named(index: Mapping[str, object], keys: Mapping[str, object], why: dict[str, str]) -> None:
    found = problems(index, keys)
    assert found.keys() == why.keys()
    assert all(text in found[key] for key, text in why.items())


def test_without_openvino_its_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert problems(SDXL, {"compile": "openvino"}) == {}
    monkeypatch.setattr("synthgen.families.memory.lacks", lambda name: name)
    told = problems(SDXL, {"compile": "openvino"})
    assert told == {"compile": "it needs the package openvino: pip install 'synthgen[openvino]'"}


def test_parts_that_cannot_be_quantised_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synthgen.families.memory.lacks", lambda name: None)
    for parts, why in ((["prior"], "has no weights in a part 'prior'"), (["tokenizer_2"], "no weights"), (["vae"], "")):
        found = problems(FLUX, {"quantization": {"method": "torchao-int8", "parts": parts}})
        assert why in found["quantization"]
    both = {"method": "torchao-int8", "parts": ["transformer", "text_encoder_2"]}
    assert problems(FLUX, {"quantization": both}) == {}
    lora = [{"id": "./style.safetensors"}]
    assert "LoRAs" in problems(FLUX, {"quantization": "torchao-int8", "adapters": lora})["quantization"]


def test_the_source_says_what_importing_it_says() -> None:
    import diffusers
    from diffusers.models.attention_dispatch import AttentionBackendName
    from diffusers.models.cache_utils import CacheMixin

    assert set(attention_backends()) == {one.value for one in AttentionBackendName}
    for name in ("FluxTransformer2DModel", "ZImageTransformer2DModel", "UNet2DConditionModel", "SD3Transformer2DModel"):
        kind = getattr(diffusers, name)
        assert is_model(name)
        assert ("CacheMixin" in bases_of(name)) is issubclass(kind, CacheMixin)
        assert list(repeated_blocks(name)) == list(kind._repeated_blocks or ())
    assert lacks("native") is None

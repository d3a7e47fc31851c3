"""What pipelines of diffusers take, by the signatures that are installed here."""

import diffusers
import pytest

from synthgen.errors import UsageError
from synthgen.generating.call import PipelineCall, call_of, keys_that_differ
from synthgen.spec import ModelSpec


def model_of(**settings: object) -> ModelSpec:
    return ModelSpec.model_validate({"id": "owner/name", **settings})


def call(name: str, **transformer: object) -> PipelineCall:
    return call_of(getattr(diffusers, name), transformer)


@pytest.mark.parametrize(
    ("pipeline", "key", "value"),
    [
        ("Flux2KleinPipeline", "negative_prompt", "blurry"),
        ("Flux2Pipeline", "negative_prompt", "blurry"),
        ("GlmImagePipeline", "negative_prompt", "blurry"),
        ("SanaSprintPipeline", "negative_prompt", "blurry"),
        ("LatentConsistencyModelPipeline", "negative_prompt", "blurry"),  # has **kwargs
        ("LDMTextToImagePipeline", "negative_prompt", "blurry"),  # has **kwargs
        ("WuerstchenCombinedPipeline", "guidance", 4.0),
        ("StableCascadeCombinedPipeline", "guidance", 4.0),
        ("HeliosPyramidPipeline", "steps", 30),
    ],
)
def test_a_key_that_the_call_does_not_take_is_refused_by_name(pipeline: str, key: str, value: object) -> None:
    model = model_of(**{key: value})
    with pytest.raises(UsageError, match=rf"^model\.{key}: {pipeline} takes no ") as raised:
        call(pipeline).refuse(model, keys_that_differ(model))
    assert raised.value.hint is not None


@pytest.mark.parametrize(
    "pipeline", ["WuerstchenCombinedPipeline", "HeliosPyramidPipeline", "Flux2KleinPipeline", "FluxPipeline"]
)
def test_a_default_that_nobody_wrote_is_left_out_where_it_is_not_taken(pipeline: str) -> None:
    model, found = model_of(), call(pipeline, guidance_embeds=False)
    found.refuse(model, keys_that_differ(model))
    assert found.arguments(model, 64, 64).keys() <= found.takes


class Bare:
    def __call__(self, prompt: str, generator: object, output_type: str, **others: object) -> None: ...


class WithoutPrompt:
    def __call__(self, generator: object, output_type: str, **others: object) -> None: ...


class WithoutGenerator:
    def __call__(self, prompt: str, output_type: str, **others: object) -> None: ...


class WithoutOutputType:
    def __call__(self, prompt: str, generator: object, **others: object) -> None: ...


def test_every_key_that_is_not_taken_is_named_at_once() -> None:
    model = model_of(width=64, height=32, steps=4, guidance=3, negative_prompt="a hat")
    with pytest.raises(UsageError) as raised:
        call_of(Bare, {}).refuse(model, keys_that_differ(model))
    keys = [line.partition(":")[0] for line in str(raised.value).splitlines()]
    assert keys == ["model.steps", "model.width", "model.height", "model.guidance", "model.negative_prompt"]


@pytest.mark.parametrize(
    ("pipeline", "missing"),
    [(WithoutPrompt, "prompt"), (WithoutGenerator, "generator"), (WithoutOutputType, "output_type")],
)
def test_a_pipeline_that_lacks_what_every_image_needs_is_refused(pipeline: type, missing: str) -> None:
    with pytest.raises(UsageError, match=f"takes no `{missing}`"):
        call_of(pipeline, {}).refuse(model_of(), ())


@pytest.mark.parametrize(
    ("pipeline", "embedded", "argument"),
    [
        ("StableDiffusionPipeline", None, "guidance_scale"),
        ("QwenImagePipeline", False, "true_cfg_scale"),
        ("QwenImagePipeline", True, "guidance_scale"),
        ("QwenImage21Pipeline", None, "true_cfg_scale"),
        ("FluxPipeline", True, "guidance_scale"),
        ("FluxPipeline", False, None),
        ("FluxKontextPipeline", True, "guidance_scale"),
    ],
)
def test_guidance_goes_where_it_acts(pipeline: str, embedded: bool | None, argument: str | None) -> None:
    found = call(pipeline, **{} if embedded is None else {"guidance_embeds": embedded})
    given = found.arguments(model_of(guidance=3.5), 64, 64)
    assert {name: value for name, value in given.items() if value == 3.5} == ({argument: 3.5} if argument else {})


def test_guidance_that_the_weights_ignore_is_refused_and_none_is_not() -> None:
    schnell = call("FluxPipeline", guidance_embeds=False)
    schnell.refuse(model_of(guidance=0.0), {"guidance"})
    with pytest.raises(UsageError, match=r"model\.guidance: this FluxPipeline ignores guidance"):
        schnell.refuse(model_of(guidance=4.0), {"guidance"})


@pytest.mark.parametrize(
    ("pipeline", "embedded"), [("FluxPipeline", True), ("FluxPipeline", False), ("WuerstchenCombinedPipeline", None)]
)
def test_a_negative_prompt_that_would_be_ignored_is_refused(pipeline: str, embedded: bool | None) -> None:
    model = model_of(negative_prompt="blurry")
    with pytest.raises(UsageError, match=rf"model\.negative_prompt: {pipeline} would ignore it"):
        call(pipeline, guidance_embeds=embedded).refuse(model, keys_that_differ(model))


def test_what_every_call_takes_is_refused_nowhere() -> None:
    model = model_of(steps=4, guidance=3, size=64, negative_prompt="a hat")
    for pipeline in (
        "StableDiffusionPipeline",
        "StableDiffusionXLPipeline",
        "Krea2Pipeline",
        "NucleusMoEImagePipeline",
    ):
        call(pipeline).refuse(model, keys_that_differ(model))

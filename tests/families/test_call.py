"""How a model is called, by its JSON and the source of diffusers alone."""

from collections.abc import Mapping

import pytest

from synthgen.errors import ModelError
from synthgen.families import Guidance, PipelineCall, call_of, keys_that_differ
from synthgen.spec import FixedModel, ModelSpec, fixed

VAE = {"block_out_channels": [8, 8, 8, 8]}


def model_of(**settings: object) -> FixedModel:
    return fixed(ModelSpec.model_validate({"id": "owner/name", **settings}))


def call(name: str, **backbone: object) -> PipelineCall:
    index = {"vae": ["diffusers", "AutoencoderKL"], **dict(backbone.pop("index", {}))}  # type: ignore[call-overload]
    files: dict[str, Mapping[str, object]] = {
        "model_index.json": {"_class_name": name, **index},
        "transformer/config.json": backbone,
        "vae/config.json": VAE,
    }
    return call_of(lambda path: files.get(path, {}))


def given(found: PipelineCall, **settings: object) -> dict[str, object]:
    model = model_of(**settings)
    return found.arguments(model, keys_that_differ(model), 64, 64)


def problems(found: PipelineCall, **settings: object) -> list[str]:
    model = model_of(**settings)
    return [f"{key}: {why}" for key, why in found.problems(model, set(settings))]


@pytest.mark.parametrize(
    ("pipeline", "backbone", "argument", "value"),
    [
        ("StableDiffusionPipeline", {}, "guidance_scale", 4.0),
        ("ZImagePipeline", {}, "guidance_scale", 3.0),
        ("Krea2Pipeline", {}, "guidance_scale", 3.0),
        ("QwenImagePipeline", {"guidance_embeds": False}, "true_cfg_scale", 4.0),
        ("QwenImage21Pipeline", {}, "true_cfg_scale", 4.0),
        ("FluxPipeline", {"guidance_embeds": True}, "true_cfg_scale", 4.0),
        ("FluxKontextPipeline", {"guidance_embeds": True}, "true_cfg_scale", 4.0),
        ("Ideogram4Pipeline", {}, "guidance_scale", 4.0),
        ("Flux2KleinPipeline", {}, "guidance_scale", 4.0),
        ("ChromaPipeline", {}, "guidance_scale", 4.0),
        ("AltDiffusionPipeline", {}, "guidance_scale", 4.0),  # in no table: by its signature
    ],
)
def test_the_usual_guidance_goes_where_it_acts(
    pipeline: str, backbone: Mapping[str, object], argument: str, value: float
) -> None:
    arguments = given(call(pipeline, **backbone), guidance=4.0)
    assert {name: one for name, one in arguments.items() if one in (3.0, 4.0)} == {argument: value}
    off = given(call(pipeline, **backbone), guidance=0.5)
    assert off[argument] == (0.0 if value == 3.0 else 1.0), "up to 1 there is none"


@pytest.mark.parametrize(
    ("pipeline", "backbone"),
    [
        ("Flux2KleinPipeline", {"index": {"is_distilled": True}}),
        ("FluxPipeline", {"guidance_embeds": False}),
        ("Flux2Pipeline", {}),
        ("LatentConsistencyModelPipeline", {}),
        ("SanaSprintPipeline", {}),
        ("DreamLiteMobilePipeline", {}),
        ("StableDiffusionPipeline", {"time_cond_proj_dim": 256}),
        ("HunyuanImagePipeline", {"guidance_embeds": True}),
    ],
)
def test_guidance_that_cannot_act_is_refused_and_none_is_not(pipeline: str, backbone: dict[str, object]) -> None:
    assert "takes no guidance" in problems(call(pipeline, **backbone), guidance=4.0)[0]
    assert problems(call(pipeline, **backbone), guidance=1.0) == []
    assert problems(call(pipeline, **backbone)) == [], "a default that nobody wrote"
    assert "guidance" in " ".join(problems(call(pipeline, **backbone), negative_prompt="a hat", guidance=4.0))


@pytest.mark.parametrize(
    ("pipeline", "backbone", "argument"),
    [
        ("FluxPipeline", {"guidance_embeds": True}, "guidance_scale"),
        ("Flux2Pipeline", {}, "guidance_scale"),
        ("LatentConsistencyModelPipeline", {}, "guidance_scale"),
        ("StableDiffusionPipeline", {"time_cond_proj_dim": 256}, "guidance_scale"),
        ("HunyuanImagePipeline", {"guidance_embeds": True}, "distilled_guidance_scale"),
    ],
)
def test_embedded_guidance_has_its_own_key(pipeline: str, backbone: dict[str, object], argument: str) -> None:
    found = call(pipeline, **backbone)
    assert given(found, embedded_guidance=2.5)[argument] == 2.5
    assert argument not in given(found), "its own default"


def test_embedded_guidance_is_refused_where_there_is_none_and_asked_for_where_it_has_no_default() -> None:
    assert "have no guidance embedded" in problems(call("StableDiffusionPipeline"), embedded_guidance=3.0)[0]
    distilled = call("QwenImagePipeline", guidance_embeds=True)
    assert "need it" in problems(distilled)[0]
    assert given(distilled, embedded_guidance=1.5)["guidance_scale"] == 1.5


def test_true_guidance_beside_an_embedded_one_acts_only_if_it_is_asked_for() -> None:
    found = call("FluxPipeline", guidance_embeds=True)
    assert not found.is_guided(model_of(), ())
    assert found.is_guided(model_of(), {"guidance"})
    assert found.is_guided(model_of(negative_prompt="a hat"), {"negative_prompt"})


@pytest.mark.parametrize(
    "pipeline",
    [
        "Flux2KleinPipeline",
        "GlmImagePipeline",
        "LDMTextToImagePipeline",  # has **kwargs
        "KandinskyCombinedPipeline",
        "KandinskyV22CombinedPipeline",
        "Ideogram4Pipeline",
        "OmniGenPipeline",
    ],
)
def test_a_negative_prompt_that_could_not_act_is_refused(pipeline: str) -> None:
    assert problems(call(pipeline), negative_prompt="a hat") == [
        f"negative_prompt: {pipeline} takes no negative prompt"
    ]


def test_a_negative_prompt_without_guidance_is_refused() -> None:
    found = problems(call("StableDiffusionPipeline"), negative_prompt="a hat", guidance=1.0)
    assert found == ["negative_prompt: without guidance it has no effect: set model.guidance above 1, not 1"]


@pytest.mark.parametrize(
    ("pipeline", "size", "multiple"),
    [
        ("FluxPipeline", 40, 16),
        ("ZImagePipeline", 40, 16),
        ("StableDiffusionPipeline", 40, 8),
        ("SanaPipeline", 48, 32),
        ("PixArtAlphaPipeline", 40, 16),
        ("HunyuanDiTPipeline", 40, 16),
        ("CogView3PlusPipeline", 40, 16),
        ("PRXPipeline", 40, 16),
    ],
)
def test_a_size_that_would_be_cut_is_refused_with_the_nearest_that_work(
    pipeline: str, size: int, multiple: int
) -> None:
    found = problems(call(pipeline, guidance_embeds=True), size=size)
    assert [f"such as {multiple * (size // multiple)} or" in one for one in found] == [True] * bool(size % multiple)
    wide = problems(call(pipeline, guidance_embeds=True), width=64, height=size)
    assert [one.startswith("height") for one in wide] == [True] * bool(size % multiple)


@pytest.mark.parametrize(("patch", "multiple"), [(1, 16), (2, 16), (4, 32), (0, 16), (-2, 16), ("2", 16), (10**9, 16)])
def test_patches_of_a_configuration_decide_which_sizes_work(patch: object, multiple: int) -> None:
    assert call("StableDiffusion3Pipeline", patch_size=patch).multiple == multiple


@pytest.mark.parametrize(
    ("pipeline", "size"),
    [
        ("ZImagePipeline", (1024, 1024)),
        ("FluxPipeline", (1024, 1024)),
        ("Krea2Pipeline", (1024, 1024)),
        ("Ideogram4Pipeline", (2048, 2048)),
        ("QwenImage21Pipeline", (1024, 1024)),
        ("BriaFibo2Pipeline", (1024, 1024)),
        ("PixArtAlphaPipeline", (512, 512)),
        ("LuminaPipeline", None),
    ],
)
def test_without_a_size_it_is_the_one_of_the_call(pipeline: str, size: tuple[int, int] | None) -> None:
    backbone = {"sample_size": 64} if pipeline == "PixArtAlphaPipeline" else {}
    assert call(pipeline, **backbone).size == size


def test_only_sizes_that_a_family_draws_are_taken() -> None:
    assert problems(call("Kandinsky5T2IPipeline"), width=1280, height=768) == []
    (found,) = problems(call("Kandinsky5T2IPipeline"), size=512)
    assert "draws only 1024 x 1024, 640 x 1408" in found
    assert problems(call("HiDreamImagePipeline"), width=768, height=1360) == []
    (found,) = problems(call("HiDreamImagePipeline"), width=512, height=768)
    assert "of this shape 832 x 1248, not 512 x 768" in found


def test_what_a_pipeline_would_change_on_its_own_is_switched_off() -> None:
    assert given(call("ErnieImagePipeline"))["use_pe"] is False
    assert given(call("LongCatImagePipeline"))["enable_prompt_rewrite"] is False
    assert given(call("HunyuanDiTPipeline"))["use_resolution_binning"] is False
    assert given(call("Ideogram4Pipeline"))["guidance_schedule"] is None
    assert given(call("SanaSprintPipeline"), steps=4)["intermediate_timesteps"] is None
    assert "intermediate_timesteps" not in given(call("SanaSprintPipeline"), steps=2)
    assert given(call("FluxKontextPipeline", guidance_embeds=True))["max_area"] == 64 * 64


@pytest.mark.parametrize(
    ("pipeline", "guided", "unguided"),
    [
        ("GlmImagePipeline", 1, 1),
        ("OmniGenPipeline", 1, 1),
        ("QwenImage21Pipeline", 1, 1),
        ("PRXPipeline", 1, None),
        ("StableDiffusionPipeline", None, None),
    ],
)
def test_families_whose_images_depend_on_their_batch_draw_one_at_a_time(
    pipeline: str, guided: int | None, unguided: int | None
) -> None:
    assert call(pipeline).batch_limit(model_of(guidance=3.0), {"guidance"}) == guided
    assert call(pipeline).batch_limit(model_of(guidance=1.0), {"guidance"}) == unguided


def test_pipelines_that_change_images_are_called_as_those_that_make_them_with_the_same_weights() -> None:
    assert call("StableDiffusionImg2ImgPipeline").pipeline == "StableDiffusionPipeline"
    assert call("FluxImg2ImgPipeline", guidance_embeds=True).pipeline == "FluxPipeline"
    assert call("FluxKontextPipeline", guidance_embeds=True).pipeline == "FluxKontextPipeline"


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("StableDiffusionInpaintPipeline", "fills regions"),
        ("LTXPipeline", "makes videos"),
        ("NoSuchPipeline", "the installed diffusers has no pipeline NoSuchPipeline"),
        (["pipeline", "Own"], "not one of diffusers' own"),
        (None, "not one of diffusers' own"),
    ],
)
def test_what_does_not_make_images_from_text_is_refused_with_what_it_is(named: object, said: str) -> None:
    with pytest.raises(ModelError, match=said) as raised:
        call_of(lambda path: {"_class_name": named})
    assert raised.value.hint


def test_a_guider_has_the_guidance_where_the_folder_has_one() -> None:
    with_guider = call("HunyuanImagePipeline", index={"guider": ["diffusers", "AdaptiveProjectedMixGuidance"]})
    assert with_guider.guidance is Guidance.GUIDER
    assert with_guider.negative


def test_what_may_surprise_is_said() -> None:
    unknown = call("AltDiffusionPipeline")
    assert "called as its signature says" in next(unknown.notes(model_of(), ()))
    assert unknown.batch_limit(model_of(), ()) == 1
    flux = call("FluxPipeline", guidance_embeds=True)
    assert list(flux.notes(model_of(guidance=1.0), {"guidance"})) == []
    assert "doubles the work" in next(flux.notes(model_of(guidance=3.0), {"guidance"}))


def test_how_texts_are_read_is_recorded() -> None:
    sigma = call("PixArtSigmaPipeline")
    plain = ModelSpec.model_validate({"id": "a/b"})
    assert sigma.facts(plain) == {
        "max_sequence_length": "300",
        "pinned": "use_resolution_binning=False, clean_caption=False",
    }
    longer = ModelSpec.model_validate({"id": "a/b", "max_sequence_length": 200, "clip_skip": 2})
    assert sigma.facts(longer)["max_sequence_length"] == "200"
    assert call("StableDiffusionPipeline").facts(plain) == {}
    assert given(call("StableDiffusionPipeline"), clip_skip=2)["clip_skip"] == 2
    assert given(sigma, max_sequence_length=200)["max_sequence_length"] == 200

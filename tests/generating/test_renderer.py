"""The contract of a `Generator`, over each kind of pipeline, and what goes wrong with them."""

import json
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoPipelineForText2Image
from torch import Tensor

from synthgen.errors import DeviceError, ModelError
from synthgen.generating.renderer import Renderer
from synthgen.models import locate
from synthgen.models.parts import source_of
from synthgen.records import Candidate
from synthgen.spec import ModelSpec
from tests.generating.tiny import SIZE, candidate, generator_of

PROMPTS = ("a chef", "a doctor with light skin", "a chef", "a bald farmer")


def pixels_of(generator: Renderer, candidates: list[Candidate]) -> dict[str, Tensor]:
    images = {}
    for one in generator.render(candidates):
        assert one.image is not None, one.failure
        images[one.candidate.id] = one.image.int()
    return images


def furthest(one: Tensor, other: Tensor) -> int:
    return int((one - other).abs().max())


def test_images_are_bytes_in_the_order_of_the_candidates(folder: Path) -> None:
    candidates = [candidate(index, prompt) for index, prompt in enumerate(PROMPTS)]
    rendered = generator_of(folder).render(candidates)
    assert [one.candidate for one in rendered] == candidates
    for one in rendered:
        assert one.image is not None
        assert (one.image.dtype, tuple(one.image.shape)) == (torch.uint8, (3, SIZE, SIZE))
        assert (one.failure, one.batch_size) == (None, 4)
        assert one.seconds > 0


def test_a_candidate_gets_the_same_pixels_alone_in_a_batch_and_in_another_order(folder: Path) -> None:
    generator = generator_of(folder)
    candidates = [candidate(index, prompt) for index, prompt in enumerate(PROMPTS)]
    together = pixels_of(generator, candidates)
    reversed_ = pixels_of(generator, candidates[::-1])
    assert furthest(together["00000-000000"], together["00000-000002"]) > 10  # one prompt, two seeds
    for one in candidates:
        alone = pixels_of(generator, [one])
        assert furthest(alone[one.id], together[one.id]) <= 1
        assert furthest(reversed_[one.id], together[one.id]) <= 1


@pytest.mark.parametrize("negative_prompt", [None, "a blurred picture"])
def test_kept_embeddings_draw_what_the_pipeline_draws_from_the_texts(folder: Path, negative_prompt: str | None) -> None:
    generator = generator_of(folder, guidance=4.0)
    candidates = [candidate(index, prompt, negative_prompt or "") for index, prompt in enumerate(PROMPTS)]
    images = pixels_of(generator, candidates)
    reference = AutoPipelineForText2Image.from_pretrained(folder)
    reference.set_progress_bar_config(disable=True)
    for one in candidates:
        expected = reference(
            one.prompt,
            negative_prompt=negative_prompt,
            num_inference_steps=2,
            guidance_scale=4.0,
            height=SIZE,
            width=SIZE,
            generator=torch.Generator().manual_seed(one.seed),
            output_type="pt",
        ).images[0]
        assert furthest(images[one.id], expected.mul(255).round().int()) <= 1


def test_each_distinct_prompt_is_embedded_once(folder: Path) -> None:
    generator = generator_of(folder)
    calls: Counter[str] = Counter()
    encoders = [name for name in ("text_encoder", "text_encoder_2") if hasattr(generator._pipeline, name)]
    for name in encoders:
        getattr(generator._pipeline, name).register_forward_hook(lambda *_, name=name: calls.update([name]))
    for _ in range(2):
        generator.render([candidate(index, prompt) for index, prompt in enumerate(PROMPTS)])
    # Three prompts and the negative one, in two batches of four. Zeros stand for none in XL.
    assert calls == dict.fromkeys(encoders, 4 if len(encoders) == 1 else 3)


@pytest.mark.parametrize("guidance", [0.0, 1.0])
def test_without_guidance_the_negative_prompt_is_neither_embedded_nor_heeded(folder: Path, guidance: float) -> None:
    generator = generator_of(folder, guidance=guidance)
    calls: list[None] = []
    assert generator._pipeline is not None
    generator._pipeline.text_encoder.register_forward_hook(lambda *_: calls.append(None))
    plain = pixels_of(generator, [candidate(0)])
    against = pixels_of(generator, [candidate(0, negative_prompt="a hat")])
    assert furthest(*plain.values(), *against.values()) == 0
    assert len(calls) == 1


def test_weights_that_are_not_finite_fail_the_candidate(folder: Path) -> None:
    generator = generator_of(folder)
    assert generator._pipeline is not None
    generator._pipeline.unet.conv_out.bias.data.fill_(float("nan"))
    for one in generator.render([candidate(0), candidate(1)]):
        assert one.image is None
        assert one.failure is not None
        assert one.failure.kind == "not_finite"
        assert "float32" in one.failure.message


def test_not_finite_is_said_also_where_a_safety_checker_looks_on(withholding: Path) -> None:
    generator = generator_of(withholding)
    assert generator._pipeline is not None
    generator._pipeline.safety_checker.concept_embeds_weights.data.fill_(2.0)  # flags nothing
    generator._pipeline.unet.conv_out.bias.data.fill_(float("nan"))
    assert [one.failure and one.failure.kind for one in generator.render([candidate(0)])] == ["not_finite"]


def test_one_broken_image_does_not_fail_its_batch(sd: Path) -> None:
    generator = generator_of(sd)
    assert generator._pipeline is not None

    def break_the_second(_: object, inputs: Any, decoded: Tensor) -> Tensor:
        decoded = decoded.clone()
        decoded[1, 0, 3, 3] = float("nan")
        return decoded

    generator._pipeline.vae.decoder.register_forward_hook(break_the_second)
    rendered = generator.render([candidate(index) for index in range(3)])
    assert [one.failure and one.failure.kind for one in rendered] == [None, "not_finite", None]


def overflow_in_half_precision(generator: Renderer) -> None:
    """As some decoders do: the second image of a batch is broken unless it is decoded in float32."""

    def broken(_: object, inputs: Any, decoded: Tensor) -> Tensor:
        if decoded.dtype != torch.float32:
            decoded = decoded.clone()
            decoded[1, 0, 3, 3] = float("inf")
        return decoded

    assert generator._pipeline is not None
    generator._pipeline.vae.decoder.register_forward_hook(broken)


def test_an_image_that_half_precision_breaks_is_decoded_once_more_in_float32(sd: Path) -> None:
    good = list(pixels_of(generator_of(sd, dtype="bfloat16"), [candidate(0), candidate(1)]).values())
    generator = generator_of(sd, dtype="bfloat16")
    overflow_in_half_precision(generator)
    again = list(pixels_of(generator, [candidate(0), candidate(1)]).values())
    assert torch.equal(good[0], again[0]), "what was whole is left alone"
    assert (good[1] - again[1]).abs().float().mean() < 3, "the same picture, more exactly decoded"
    assert generator._pipeline is not None
    assert generator._pipeline.vae.dtype == torch.bfloat16, "the next batch is decoded as before"


def test_an_image_decoded_once_more_is_checked_for_safety_once_more(withholding: Path) -> None:
    generator = generator_of(withholding, dtype="bfloat16")
    overflow_in_half_precision(generator)
    kinds = [one.failure and one.failure.kind for one in generator.render([candidate(0), candidate(1)])]
    assert kinds == ["safety_checker", "safety_checker"]


def test_what_the_safety_checker_flags_is_withheld(withholding: Path) -> None:
    generator = generator_of(withholding)
    assert generator.provenance()["safety_checker"] == "on"
    (one,) = generator.render([candidate(0)])
    assert one.image is None
    assert one.failure is not None
    assert one.failure.kind == "safety_checker"


def test_a_spec_may_switch_the_safety_checker_off(withholding: Path) -> None:
    generator = generator_of(withholding, safety_checker=False)
    assert generator.provenance()["safety_checker"] == "off"
    assert len(pixels_of(generator, [candidate(0)])) == 1


def test_a_pipeline_without_safety_checker_has_none_to_switch_off(folder: Path) -> None:
    assert generator_of(folder, safety_checker=False).provenance()["safety_checker"] == "off"


def test_a_scheduler_takes_the_place_of_the_models_own(sd: Path) -> None:
    own, other = generator_of(sd), generator_of(sd, scheduler="LCMScheduler")
    assert own.provenance()["scheduler"] == "DDIMScheduler"
    assert other.provenance()["scheduler"] == "LCMScheduler"
    assert furthest(*pixels_of(own, [candidate(0)]).values(), *pixels_of(other, [candidate(0)]).values()) > 2


@pytest.mark.parametrize(
    "scheduler",
    [
        pytest.param("NoSuchScheduler", id="unknown"),
        pytest.param("DPMSolverSDEScheduler", id="draws-noise-for-a-batch"),
    ],
)
def test_a_scheduler_that_cannot_be_used_is_a_model_error(sd: Path, scheduler: str) -> None:
    with pytest.raises(ModelError, match=scheduler) as raised:
        generator_of(sd, scheduler=scheduler)
    assert raised.value.hint is not None
    assert "model.scheduler" in raised.value.hint


@pytest.mark.parametrize(("wanted", "expected"), [({}, (32, 32)), ({"width": 64, "height": 32}, (32, 64))])
def test_the_size_is_the_specs_or_the_models_own(sd: Path, wanted: dict[str, int], expected: tuple[int, int]) -> None:
    generator = generator_of(sd, **wanted)
    (image,) = pixels_of(generator, [candidate(0)]).values()
    assert tuple(image.shape[1:]) == expected


def test_too_little_memory_for_one_image_is_a_device_error_that_says_what_to_do(sd: Path) -> None:
    generator = generator_of(sd)
    assert generator._pipeline is not None

    def run_out(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    generator._pipeline.unet.register_forward_pre_hook(run_out)
    with pytest.raises(DeviceError, match="too little memory for making one image") as raised:
        generator.render([candidate(0), candidate(1)])
    assert raised.value.hint is not None
    assert "32 x 32 pixels: set a smaller model.size" in raised.value.hint


@pytest.mark.sweep
def test_out_of_memory_halves_the_batch_and_renders_the_same_candidates(sd: Path) -> None:
    # A process of its own, whose address space ends a little above what it has once the model is loaded.
    program = [sys.executable, "-m", "tests.generating.out_of_memory", str(sd)]
    done = subprocess.run(
        program, capture_output=True, text=True, timeout=280, check=False, cwd=Path(__file__).parents[2]
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["ids"] == [candidate(attempt).id for attempt in range(16)]
    assert set(told["batch_sizes"]) <= {1, 2, 4, 8}
    assert told["furthest"] <= 2, "the same noise gives the same picture, whatever the batch"
    assert "cpu ran out of memory making 16 images at once: 8 from here on" in done.stderr


def test_loading_writes_nothing_where_progress_lines_are_expected(sd: Path, capfd: pytest.CaptureFixture[str]) -> None:
    generator_of(sd).render([candidate(0)])
    assert capfd.readouterr() == ("", "")


def test_a_missing_device_is_a_device_error(sd: Path) -> None:
    generator = Renderer(ModelSpec(id=str(sd)), locate(str(sd)), "cuda:99", 16)
    with pytest.raises(DeviceError, match="cuda:99"):
        generator.setup()


@pytest.mark.parametrize("damage", ["truncated", "missing", "pickle", "class", "index"])
def test_a_damaged_model_is_a_model_error(sd: Path, tmp_path: Path, damage: str) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(sd, copy)
    weights, index = copy / "unet/diffusion_pytorch_model.safetensors", copy / "model_index.json"
    match damage:
        case "truncated":
            weights.write_bytes(weights.read_bytes()[:5000])
        case "missing":
            weights.unlink()
        case "pickle":
            weights.rename(weights.with_suffix(".bin"))
        case "class":
            index.write_text(json.dumps(json.loads(index.read_text()) | {"_class_name": "NoSuchPipeline"}))
        case "index":
            index.write_text('{"_class_name": "StableDiffusionPipeline"}')
    told = {
        "truncated": "it is not a safetensors file: its ",
        "missing": "no weights in unet",
        "pickle": "only safetensors are read",
        "class": "no pipeline NoSuchPipeline",
    }
    with pytest.raises(ModelError, match=told.get(damage, "cannot be loaded")):
        generator_of(copy)


def test_a_model_is_taken_over_only_where_the_same_would_be_loaded(sd: Path) -> None:
    def renderer(**settings: object) -> Renderer:
        model = ModelSpec.model_validate({"id": str(sd), "steps": 2, "guidance": 2.0, **settings})
        return Renderer(model, source_of(model, None), "cpu", largest_batch=16)

    one = renderer()
    assert not renderer().take_over(one), "it has loaded nothing yet"
    one.setup()
    for other in ({"vae_tiling": True}, {"size": 64}, {"safety_checker": False}, {"cache": "magcache"}):
        assert not renderer(**other).take_over(one), other

    euler = renderer(scheduler="EulerDiscreteScheduler", steps=1)
    assert euler.take_over(one)
    euler.setup()
    pipeline = euler.pipeline
    last = renderer(steps=1)
    assert last.take_over(euler)
    last.setup()
    assert last.pipeline is pipeline
    fresh = renderer(steps=1)
    fresh.setup()
    images = [made.render([candidate(0)])[0].image for made in (last, fresh)]
    assert images[0] is not None
    assert images[1] is not None
    assert images[0].equal(images[1]), "its scheduler is its own again"

"""Tuning transformers of flow matching: their conventions are those of their own pipelines, and their adapters act."""

import inspect
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import DiffusionPipeline
from peft import get_peft_model_state_dict
from PIL import Image
from safetensors.torch import load_file

import synthgen
from synthgen.errors import ModelError, UsageError
from synthgen.generating.renderer import Renderer
from synthgen.models import locate
from synthgen.models.adapters import find_adapter
from synthgen.models.door import ModelKind, open_model
from synthgen.spec import ModelSpec
from synthgen.tuning.denoisers import denoiser_of
from synthgen.tuning.flow.denoiser import FlowDenoiser
from synthgen.tuning.flow.objective import FlowObjective
from tests.generating.families import FAMILIES
from tests.generating.tiny import candidate
from tests.tuning.test_tuning import spec_of

SIZE = 32
TUNED = ["stable-diffusion-3", "flux2-klein-base", "z-image", "qwen-image"]
PROMPTS = ["a chef", "a photo of a nurse"]
"""Of different lengths, which some families pad."""


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(params=TUNED)
def denoiser(request: pytest.FixtureRequest) -> FlowDenoiser:
    """Of a pipeline with few random weights, whose latents are scaled and shifted."""
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        torch.manual_seed(0)
        pipeline = FAMILIES[request.param].build()
    pipeline.set_progress_bar_config(disable=True)
    vae = pipeline.vae
    if "latents_mean" in vae.config:
        vae.register_to_config(latents_mean=[0.1, -0.2, 0.3, 0.4], latents_std=[0.5, 1.5, 2.0, 0.7])
    if hasattr(vae, "bn"):
        vae.bn.running_mean.copy_(torch.linspace(-1, 1, len(vae.bn.running_mean)))
        vae.bn.running_var.copy_(torch.linspace(0.5, 2, len(vae.bn.running_var)))
    found = denoiser_of(type(pipeline).__name__)(pipeline, SIZE, torch.device("cpu"), torch.float32)
    assert isinstance(found, FlowDenoiser)
    return found


def pictures(count: int) -> list[Image.Image]:
    rng = np.random.default_rng(0)
    coarse = [rng.integers(0, 255, (3, 3, 3), dtype=np.uint8) for _ in range(count)]
    return [Image.fromarray(one).resize((SIZE, SIZE), Image.Resampling.BICUBIC) for one in coarse]


class Shown:
    """What a transformer was called with: latents, timesteps, and the rest."""

    def __init__(self, call: dict[str, Any]) -> None:
        self.latents = call.pop("hidden_states" if "hidden_states" in call else "x")
        self.timesteps: torch.Tensor = call.pop("timestep" if "timestep" in call else "t")
        self.shapes = each(lambda one: one.shape, self.latents)
        self.rest = {name: one for name, one in call.items() if one is not None and one != {} and name != "return_dict"}


@contextmanager
def answering(pipeline: DiffusionPipeline, answer: Callable[[Any, Any], Any]) -> Iterator[list[Shown]]:
    """Let a function of latents and timesteps answer in the transformer's place; note the arguments of each call."""
    network, calls = pipeline.transformer, list[Shown]()
    names = list(inspect.signature(network.forward).parameters)

    def forward(*given: object, **named: object) -> tuple[object]:
        calls.append(Shown({**dict(zip(names, given, strict=False)), **named}))
        return (answer(calls[-1].latents, calls[-1].timesteps),)

    network.forward = forward
    yield calls
    del network.forward


def each(function: Callable[..., Any], *latents: Any) -> Any:
    """Apply a function to latents; some families have a list of them."""
    if isinstance(latents[0], list):
        return [function(*one) for one in zip(*latents, strict=True)]
    return function(*latents)


def zeros(latents: Any, timesteps: object) -> Any:
    return each(torch.zeros_like, latents)


def ones(latents: Any, timesteps: object) -> Any:
    return each(torch.ones_like, latents)


def test_an_oracle_that_answers_as_training_asks_makes_the_pipeline_draw_the_picture(denoiser: FlowDenoiser) -> None:
    """So latents, levels, their direction and the meaning of what is predicted are the pipeline's own."""
    pipeline, objective = denoiser.pipeline, denoiser.objective
    condition, times = denoiser.conditions(PROMPTS)[:1], torch.tensor([100, 900])
    clean = next(denoiser.latents(pictures(1)))[None]
    early, late = objective.noised(torch.zeros(2, 1), torch.ones(2, 1), times)[:, 0].tolist()
    with answering(pipeline, zeros) as calls:
        for time in times:
            denoiser.predicted(clean, time[None], condition)
    known, (first, last) = calls[0].latents, (float(call.timesteps[0]) for call in calls)
    with answering(pipeline, ones):
        (sign,) = denoiser.predicted(clean, times[:1], condition).unique().tolist()

    def oracle(latents: Any, timesteps: torch.Tensor) -> Any:
        level = early + (float(timesteps[0]) - first) * (late - early) / (last - first)
        return each(lambda noised, picture: sign * (noised - picture) / level, latents, known)

    with answering(pipeline, oracle):
        (found,) = called(denoiser, PROMPTS[:1], num_inference_steps=3, output_type="np")
    assert np.abs(found - through_the_decoder(pipeline, pictures(1)[0])).max() < 1e-4


def test_texts_and_levels_are_those_of_the_pipelines_own_call(denoiser: FlowDenoiser) -> None:
    pipeline, objective = denoiser.pipeline, denoiser.objective
    assert isinstance(objective, FlowObjective)
    sigmas = [1.0, 0.75, 0.5, 0.25, 0.001]
    with answering(pipeline, zeros) as theirs:
        called(denoiser, [*PROMPTS, denoiser.blank], sigmas=sigmas, output_type="latent")
    clean, conditions = torch.stack(list(denoiser.latents(pictures(3)))), denoiser.conditions(PROMPTS)
    with answering(pipeline, zeros) as mine:
        for sigma in sigmas:
            denoiser.predicted(clean, torch.full((3,), round(objective.levels * (1 - sigma))), conditions)
    assert len(mine) == len(theirs) == len(sigmas)
    for one, other in zip(mine, theirs, strict=True):
        torch.testing.assert_close(one.timesteps, other.timesteps)
        torch.testing.assert_close(one.rest, other.rest)
        assert one.shapes == other.shapes


def called(denoiser: FlowDenoiser, prompts: list[str], **more: Any) -> Any:
    """Call the pipeline itself, without guidance."""
    return denoiser.pipeline(
        prompt=prompts,
        height=SIZE,
        width=SIZE,
        generator=[torch.Generator().manual_seed(number) for number in range(len(prompts))],
        **denoiser.guided(1.0, len(prompts)),
        **more,
    ).images


@torch.no_grad()
def through_the_decoder(pipeline: DiffusionPipeline, picture: Image.Image) -> np.ndarray:
    pixels = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float() / 127.5 - 1
    if hasattr(pipeline.vae, "temperal_downsample"):
        pixels = pixels[:, :, None]
    made = pipeline.vae.decode(pipeline.vae.encode(pixels).latent_dist.mode()).sample
    image = made.view(3, SIZE, SIZE).permute(1, 2, 0)
    assert image.std() > 0.05, "there is something to see"
    pixels_again: np.ndarray = (image / 2 + 0.5).clamp(0, 1).numpy()
    return pixels_again


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tiny models of every family, and few real images."""
    place = tmp_path_factory.mktemp("flow")
    for name in TUNED:
        FAMILIES[name].save(place / name)
    for number, picture in enumerate(pictures(6)):
        (place / "real" / "chef").mkdir(parents=True, exist_ok=True)
        picture.save(place / "real" / "chef" / f"{number}.png")
    rows = [f"chef/{number}.png,{'chef' if number % 2 else 'nurse'}" for number in range(6)]
    (place / "real" / "real.csv").write_text("\n".join(["path,label", *rows]))
    return place


def tuned(folder: Path, output: Path, model: str, **more: object) -> synthgen.Tuned:
    given = {"steps": 2, "batch_size": 3, "rank": 4, "check": 0, "size": SIZE, "device": "cpu", **more}
    return synthgen.tune(folder / "real" / "real.csv", str(folder / model), output, **given)  # type: ignore[arg-type]


def drawn(model: Path, adapter: Path | None) -> np.ndarray:
    adapters = [{"id": str(adapter)}] if adapter else []
    spec = ModelSpec.model_validate({"id": str(model), "steps": 2, "guidance": 2.0, "size": SIZE, "adapters": adapters})
    generator = Renderer(spec, locate(spec.id), "cpu", 4, [find_adapter(one) for one in spec.adapters])
    generator.setup()
    (made,) = generator.render([candidate(0)])
    assert made.image is not None
    return made.image.numpy().astype(int)


@pytest.mark.slow
@pytest.mark.parametrize("name", TUNED)
def test_training_lowers_the_loss_and_the_adapter_acts_on_its_own_family_alone(
    folder: Path, tmp_path: Path, name: str
) -> None:
    more = {"steps": 30, "batch_size": 4, "rank": 8, "learning_rate": 0.02, "layers": "all"}
    made = tuned(folder, tmp_path / "look", name, validation_share=0.34, **more)
    losses = [each["held_out"] for each in made.record["losses"]]  # type: ignore[attr-defined]
    assert min(losses) < 0.75 * losses[0]
    assert np.abs(drawn(folder / name, made.folder) - drawn(folder / name, None)).max() > 0

    plan = synthgen.plan(spec_of(folder / name, made.folder))
    assert plan.revisions.adapters["look"] == f"sha256:{made.sha256}"
    for other in {*TUNED} - {name}:
        with pytest.raises(ModelError, match="does not fit"):
            synthgen.plan(spec_of(folder / other, made.folder))


@pytest.mark.parametrize("name", TUNED)
def test_the_file_is_the_one_that_the_pipeline_itself_would_save(folder: Path, tmp_path: Path, name: str) -> None:
    made = tuned(folder, tmp_path / "look", name, precision="bfloat16", gradient_checkpointing=True, prior=2)
    weights = load_file(made.folder / "pytorch_lora_weights.safetensors")
    pipeline = open_model(ModelKind.PIPELINE, folder / name)
    pipeline.load_lora_weights(made.folder)  # type: ignore[attr-defined]
    saved = get_peft_model_state_dict(pipeline.transformer, adapter_name="default_0")  # type: ignore[attr-defined]
    pipeline.save_lora_weights(tmp_path / "own", transformer_lora_layers=saved)  # type: ignore[attr-defined]
    torch.testing.assert_close(load_file(tmp_path / "own" / "pytorch_lora_weights.safetensors"), weights)
    assert len(weights) > 8


def test_a_size_that_the_transformer_has_no_places_for_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"expected at most 1536 for .*, found 1552"):
        tuned(folder, tmp_path / "look", "stable-diffusion-3", size=1552)

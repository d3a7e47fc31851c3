"""Learning a word: one embedding changes and nothing else, a run reads it, and what cannot be learnt is refused."""

import json
from collections.abc import Callable
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import torch
from diffusers import StableDiffusionXLPipeline
from safetensors.torch import load_file, save_file
from torch import nn

import synthgen
from synthgen.errors import Interrupted, ModelError
from synthgen.generating.renderer import Renderer
from synthgen.models import locate
from synthgen.models.adapters import find_adapter
from synthgen.models.device import open_device
from synthgen.models.door import ModelKind, open_model
from synthgen.planning.unsaid_words import unsaid_words
from synthgen.spec import ModelSpec, parse_spec
from synthgen.tuning.schema import tune_schema
from synthgen.tuning.settings import LearntWord
from synthgen.tuning.words import WordDenoiser, check_teachable
from tests.generating.tiny import SIZE, candidate, save_stable_diffusion, save_stable_diffusion_xl
from tests.tuning.test_refused import images, refusal

WORD = "<axolotl>"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("words")
    save_stable_diffusion(folder / "sd")
    save_stable_diffusion_xl(folder / "xl", second=48)
    images(folder / "real", 12, "chef")
    return folder


def learnt(
    place: Path, output: Path, model: str = "sd", stop: Callable[[], bool] = lambda: False, **more: object
) -> synthgen.Tuned:
    given = {"steps": 20, "batch_size": 2, "check": 0, "learning_rate": 0.1, "device": "cpu", **more}
    name = model if model.startswith("bundled:") else str(place / model)
    return synthgen.tune(place / "real", name, output, word=f"chef={WORD}", stop=stop, **given)  # type: ignore[arg-type]


def spec_of(model: Path, adapter: Path) -> dict[str, object]:
    learnt = {"id": str(adapter), "kind": "textual_inversion", "trigger": WORD}
    return {
        "synthgen": 1,
        "name": "words",
        "model": {"id": str(model), "steps": 1, "size": SIZE, "adapters": [learnt]},
        "judge": {"id": "bundled:judge"},
        "classes": {"chef": {"count": 1, "templates": [f"a photo of a {WORD}"]}, "nurse": 1},
        "prompts": {"templates": ["a {class}"]},
        "filters": {},
    }


def drawn(model: Path, adapter: Path | None, prompt: str) -> np.ndarray:
    adapters = spec_of(model, adapter)["model"]["adapters"] if adapter else []  # type: ignore[index]
    spec = ModelSpec.model_validate({"id": str(model), "steps": 2, "guidance": 2.0, "adapters": adapters})
    generator = Renderer(spec, locate(spec.id), "cpu", 4, [find_adapter(one) for one in spec.adapters])
    generator.setup()
    (made,) = generator.render([candidate(0, prompt)])
    assert made.image is not None
    return made.image.numpy().astype(int)


@pytest.mark.parametrize(("model", "keys"), [("sd", {WORD: 32}), ("xl", {"clip_l": 32, "clip_g": 48})])
def test_a_learnt_word_is_read_by_a_run_and_acts_where_it_is_said(
    place: Path, tmp_path: Path, model: str, keys: dict[str, int]
) -> None:
    made = learnt(place, tmp_path / "word", model, license="CC0")

    losses = [one["held_out"] for one in made.record["losses"]]  # type: ignore[attr-defined]
    assert min(losses[1:]) < losses[0]
    weights = load_file(made.folder / "learned_embeds.safetensors")
    assert {name: tuple(weight.shape) for name, weight in weights.items()} == {
        name: (1, width) for name, width in keys.items()
    }
    record = json.loads((made.folder / "tune.json").read_text())
    jsonschema.validate(record, tune_schema())
    assert record["adapter"]["token"] == WORD
    assert record["images"]["classes"] == {"chef": 6}
    assert record["images"]["left_out"] == {"of another class than that of the word": 6}

    said, plain = f"a photo of a {WORD}", "a photo of a nurse"
    assert np.abs(drawn(place / model, made.folder, said) - drawn(place / model, None, said)).max() > 0
    assert (drawn(place / model, made.folder, plain) == drawn(place / model, None, plain)).all()

    plan = synthgen.plan(spec_of(place / model, made.folder))
    assert plan.revisions.adapters["word"] == f"sha256:{made.sha256}"
    assert plan.revisions.tuned["word"].licence == "CC0"
    assert len(plan.revisions.tuned["word"].images) == 5
    other = "sd" if model == "xl" else "xl"
    with pytest.raises(ModelError, match="two text encoders" if model == "xl" else "has an embedding for one"):
        synthgen.plan(spec_of(place / other, made.folder))
    assert f'kind: textual_inversion, trigger: "{WORD}"' in made.snippet
    assert made.snippet in (made.folder / "README.md").read_text()


def test_the_embedding_alone_is_trained(place: Path) -> None:
    pipeline = open_model(ModelKind.PIPELINE, place / "xl")
    assert isinstance(pipeline, StableDiffusionXLPipeline)
    tables = [pipeline.text_encoder.get_input_embeddings(), pipeline.text_encoder_2.get_input_embeddings()]
    before = [table.weight.detach().clone() for table in tables]
    denoiser = WordDenoiser(pipeline, SIZE, open_device("cpu"), torch.float32, LearntWord("chef", WORD))
    condition, _ = denoiser.conditions([f"a {WORD}"])
    clean = torch.ones(1, 4, SIZE // 2, SIZE // 2)
    denoiser.loss(clean, torch.randn(clean.shape), torch.tensor([500]), [condition]).mean().backward()

    assert {name: weight.grad is not None for name, weight in denoiser.lora().items()} == {
        "text_encoder": True,
        "text_encoder_2": True,
    }
    parts = [part for part in pipeline.components.values() if isinstance(part, nn.Module)]
    assert not any(weight.requires_grad for part in parts for weight in part.parameters())
    for table, old in zip(
        (pipeline.text_encoder.get_input_embeddings(), pipeline.text_encoder_2.get_input_embeddings()),
        before,
        strict=True,
    ):
        assert len(table.weight) == len(old) + 1
        assert torch.equal(table.weight[:-1], old)


def test_one_that_was_stopped_learns_the_same_word(place: Path, tmp_path: Path) -> None:
    whole = learnt(place, tmp_path / "whole", steps=4)
    asked = iter([False, True])
    with pytest.raises(Interrupted):
        learnt(place, tmp_path / "broken", steps=4, stop=lambda: next(asked))
    resumed = learnt(place, tmp_path / "broken", steps=4)
    assert resumed.sha256 == whole.sha256
    assert learnt(place, tmp_path / "broken", steps=4).record == resumed.record


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--word", "<doctor>"], "--word: expected CLASS=WORD, the word without spaces, found '<doctor>'"),
        (["--word", "doctor=<a doctor>"], "--word: expected CLASS=WORD"),
        (["--word", "docter=<doctor>"], "has no class 'docter'; did you mean 'doctor'?"),
        (["--word", "doctor=doctor"], "--word: the model has the word 'doctor' already"),
        (["--word", "doctor=Doctor"], "--word: the model has the word 'Doctor' already"),
        (["--word", "doctor=<d>", "--prior", "5"], "--prior: only a LoRA has it, and with --word a word is learnt"),
        (["--word", "doctor=<d>", "--rank", "4"], "--rank: only a LoRA has it"),
        (["--word", "doctor=<d>", "--layers", "attention"], "--layers: only a LoRA has it"),
    ],
)
def test_a_word_that_cannot_be_learnt_is_refused(
    more: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert message in refusal(tmp_path, capsys, *more, real=images(tmp_path / "real", 12))


def test_a_word_needs_enough_images_of_its_class(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = refusal(tmp_path, capsys, "--word", "doctor=<d>", real=images(tmp_path / "real", 6))
    assert "class 'doctor' of" in said
    assert "has 3 images; expected at least 5" in said


def test_models_with_other_text_encoders_are_refused_by_name() -> None:
    with pytest.raises(ModelError, match="some/model is a StableDiffusion3Pipeline, which tune teaches no words"):
        check_teachable("some/model", "StableDiffusion3Pipeline")


def test_classes_that_never_say_a_word_are_noted(place: Path) -> None:
    spec = spec_of(place / "sd", place / "word.safetensors")
    assert list(unsaid_words(parse_spec(json.dumps(spec)))) == [
        f"model.adapters.0: no prompt of 'nurse' says '{WORD}', so it changes nothing there"
    ]
    for said in (
        {"templates": [f"a {{class}} of {WORD}"]},
        {"templates": ["a {class} {x}"], "variables": {"x": [WORD]}},
    ):
        assert list(unsaid_words(parse_spec(json.dumps({**spec, "prompts": said})))) == []


@pytest.mark.parametrize("size", [76, 0])
def test_an_embedding_of_a_strange_size_is_refused_before_it_is_read(place: Path, tmp_path: Path, size: int) -> None:
    save_file({WORD: torch.zeros(size, 32)}, tmp_path / "word.safetensors")
    with pytest.raises(ModelError, match=f"has {size} vectors, and a prompt has room for 75"):
        synthgen.plan(spec_of(place / "sd", tmp_path / "word.safetensors"))

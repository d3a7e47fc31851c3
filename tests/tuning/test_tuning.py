"""Tuning small models: the adapter acts, is recorded, resumes to the same bytes, and fits its own family alone."""

import json
import os
import signal
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps
from safetensors.torch import load_file

import synthgen
from synthgen.errors import Interrupted, ModelError, UsageError
from synthgen.generating.renderer import Renderer
from synthgen.models import locate
from synthgen.models.adapters import find_adapter
from synthgen.models.device import open_device
from synthgen.models.door import ModelKind, open_model
from synthgen.spec import ModelSpec
from synthgen.tuning.denoiser import TunedDenoiser
from synthgen.tuning.settings import GUIDANCE, SAMPLING_STEPS
from tests.command import call, command_line
from tests.generating.families import FAMILIES
from tests.generating.tiny import SIZE, candidate, save_stable_diffusion, save_stable_diffusion_xl


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tiny models, and few real images of two classes."""
    torch.set_num_threads(1)
    place = tmp_path_factory.mktemp("tuning")
    save_stable_diffusion(place / "sd")
    save_stable_diffusion_xl(place / "xl")
    FAMILIES["stable-diffusion-3"].save(place / "sd3")
    save_stable_diffusion(place / "velocity")
    settings = place / "velocity" / "scheduler" / "scheduler_config.json"
    settings.write_text(json.dumps({**json.loads(settings.read_text()), "prediction_type": "v_prediction"}))
    rng = np.random.default_rng(0)
    for name in ("chef", "nurse"):
        (place / "real" / name).mkdir(parents=True)
        for number in range(4):
            pixels = rng.integers(0, 255, (6, 8, 3), dtype=np.uint8)
            Image.fromarray(pixels).resize((60, 45)).save(place / "real" / name / f"{number}.png")
    return place


def tuned(folder: Path, output: Path, model: str = "sd", **more: object) -> synthgen.Tuned:
    given = {"steps": 4, "batch_size": 2, "rank": 2, "check": 0, "learning_rate": 0.01, "device": "cpu", **more}
    return synthgen.tune(folder / "real", str(folder / model), output, **given)  # type: ignore[arg-type]


def drawn(model: Path, adapter: Path | None) -> np.ndarray:
    adapters = [{"id": str(adapter)}] if adapter else []
    spec = ModelSpec.model_validate({"id": str(model), "steps": 2, "guidance": 2.0, "adapters": adapters})
    generator = Renderer(spec, locate(spec.id), "cpu", 4, [find_adapter(one) for one in spec.adapters])
    generator.setup()
    (made,) = generator.render([candidate(0)])
    assert made.image is not None
    return made.image.numpy().astype(int)


@pytest.mark.parametrize(
    ("model", "more"),
    [
        ("sd", {"layers": "attention", "validation_share": 0, "learning_rate": 0.2}),
        ("velocity", {"gradient_checkpointing": True}),
        ("xl", {"precision": "bfloat16", "check": 3, "judge": "bundled:judge"}),
    ],
)
def test_the_adapter_of_a_folder_acts_and_a_plan_records_it(
    folder: Path, tmp_path: Path, model: str, more: dict[str, object]
) -> None:
    made = tuned(folder, tmp_path / "look", model, license="CC0, by us", **more)

    assert made.sha256 == sha256((made.folder / "pytorch_lora_weights.safetensors").read_bytes()).hexdigest()
    assert np.abs(drawn(folder / model, made.folder) - drawn(folder / model, None)).max() > 0
    assert made.record == json.loads((made.folder / "tune.json").read_text())
    assert not (made.folder / "checkpoint.pt").exists()
    assert (made.memorised is not None) == (made.folder / "nearest.png").exists() == ("check" in more)

    plan = synthgen.plan(spec_of(folder / model, made.folder))
    assert plan.revisions.adapters["look"] == f"sha256:{made.sha256}"
    files = {sha256(path.read_bytes()).hexdigest() for path in (folder / "real").rglob("*.png")}
    trained = plan.revisions.tuned["look"]
    assert set(trained.images) <= files
    assert len(trained.images) == 8 - 2 * ("validation_share" not in more)
    assert trained.licence == "CC0, by us"
    assert type(plan).from_json(plan.to_json()) == plan
    with pytest.raises(ModelError, match="does not fit"):
        synthgen.plan(spec_of(folder / ("sd" if model == "xl" else "xl"), made.folder))


def spec_of(model: Path, adapter: Path) -> dict[str, object]:
    return {
        "synthgen": 1,
        "name": "tuned",
        "model": {"id": str(model), "steps": 1, "size": SIZE, "adapters": [{"id": str(adapter)}]},
        "judge": {"id": "bundled:judge"},
        "classes": {"chef": 1, "nurse": 1},
        "prompts": {"templates": ["a {class}"]},
        "filters": {},
    }


def test_the_dataset_says_what_its_adapter_was_tuned_on(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = tuned(folder, tmp_path / "look", license="CC0, by us", prior=2)
    (tmp_path / "spec.json").write_text(json.dumps(spec_of(folder / "sd", made.folder)))
    assert command_line(["plan", str(tmp_path / "spec.json")]) == 0
    assert "licence CC0, by us, tuned on 6 images and 2 of the model's own, sha256:" in capsys.readouterr().out

    run = synthgen.run(tmp_path / "spec.json", tmp_path / "run", devices="cpu")
    assert run.dataset is not None
    card, facts = ((Path(run.dataset) / name).read_text() for name in ("README.md", "provenance.json"))
    assert "- look, an adapter for" in card
    assert "6 images, whose sha256 are in `provenance.json`; and 2 that the" in card
    assert "noted: CC0, by us." in card
    trained = {each["sha256"] for each in made.record["images"]["files"] if each["use"] == "training"}  # type: ignore[index]
    said = json.loads(facts)["revisions"]["tuned"]["look"]
    assert set(said["images"]) == trained
    assert said["prior"] == 2


def test_a_tuning_that_was_stopped_ends_as_an_unbroken_one_does(folder: Path, tmp_path: Path) -> None:
    whole = tuned(folder, tmp_path / "whole", steps=6)
    asked = iter([False, False, False, True])
    with pytest.raises(Interrupted):
        tuned(folder, tmp_path / "broken", steps=6, stop=lambda: next(asked))
    with pytest.raises(UsageError, match=r"is of another tuning: steps 6 there, 7 here"):
        tuned(folder, tmp_path / "broken", steps=7)
    resumed = tuned(folder, tmp_path / "broken", steps=6)
    assert resumed.sha256 == whole.sha256
    assert resumed.record["losses"] == whole.record["losses"]

    written = {path: path.stat().st_mtime_ns for path in resumed.folder.rglob("*")}
    assert tuned(folder, tmp_path / "broken", steps=6).record == resumed.record, "it is done, and not done again"
    assert {path: path.stat().st_mtime_ns for path in resumed.folder.rglob("*")} == written
    with pytest.raises(UsageError, match="is of another tuning: seed 0 there, 1 here"):
        tuned(folder, tmp_path / "broken", steps=6, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("model", ["sd", "sd3"])
def test_a_tuning_that_was_killed_ends_as_an_unbroken_one_does(folder: Path, tmp_path: Path, model: str) -> None:
    options = ["--real", folder / "real", "--model", folder / model, "--steps", 40, "--batch-size", 2, "--check", 0]
    command = [*map(str, options), "--device", "cpu", "--size", str(SIZE), "--quiet"]
    with subprocess.Popen([sys.executable, "-m", "synthgen", "tune", *command, "-o", tmp_path / "killed"]) as process:
        while not (tmp_path / "killed" / "checkpoint.pt").exists():
            assert process.poll() is None
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
    assert not (tmp_path / "killed" / "tune.json").exists()
    found = {}
    for name in ("killed", "whole"):
        assert call("tune", *command, "-o", tmp_path / name, folder=tmp_path).returncode == 0
        found[name] = (tmp_path / name / "pytorch_lora_weights.safetensors").read_bytes()
    assert found["killed"] == found["whole"]


@pytest.mark.slow
def test_held_out_loss_falls_on_a_look_that_the_model_does_not_know(tmp_path: Path) -> None:
    synthgen.render(tmp_path / "renders", 20, even=True)
    for path in (tmp_path / "renders").rglob("images/*.png"):
        ImageOps.invert(Image.open(path).convert("RGB")).save(path)
    made = synthgen.tune(
        tmp_path / "renders", "bundled:workers", tmp_path / "out", template="a {class}", steps=30, check=0, rank=8
    )
    losses = {each["step"]: each["held_out"] for each in made.record["losses"]}  # type: ignore[attr-defined]
    untuned = losses.pop(0)
    assert min(losses.values()) < 0.9 * untuned
    assert losses[made.record["best_step"]] == min(losses.values())


def test_images_that_the_model_only_repeats_are_counted_shown_and_fail_the_gate(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline = open_model(ModelKind.PIPELINE, folder / "sd")
    denoiser = TunedDenoiser(pipeline, SIZE, open_device("cpu"), torch.float32)
    classes = ["chef", "nurse"] * 3
    pictures = denoiser.draw(
        [f"a photo of a {name}" for name in classes], range(1_000_000, 1_000_006), GUIDANCE, SAMPLING_STEPS
    )
    for number, (name, picture) in enumerate(zip(classes, pictures, strict=True)):
        (tmp_path / "real" / name).mkdir(parents=True, exist_ok=True)
        picture.save(tmp_path / "real" / name / f"{number}.png")

    rest = ["--steps", "1", "--learning-rate", "1e-9", "--check", "4", "--batch-size", "6", "--validation-share", "0"]
    given = ["--real", str(tmp_path / "real"), "--model", str(folder / "sd"), "-o", str(tmp_path / "out"), *rest]
    gate = ["--judge", "bundled:judge", "--max-memorised", "0.5", "--device", "cpu", "--quiet"]
    assert command_line(["tune", *given, *gate]) == 4
    shown = capsys.readouterr()
    assert "memorised Of 4 images drawn, 4 are closer to a training image" in shown.out
    assert "more than 50.0%" in shown.err
    assert (tmp_path / "out" / "nearest.png").is_file()
    assert command_line(["tune", *given, *gate[:2], "--device", "cpu", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)["result"]
    assert result["memorisation"]["copies"] == 4
    weights = load_file(tmp_path / "out" / result["adapter"]["file"])
    assert all(name.startswith("unet.") and name.endswith((".lora_A.weight", ".lora_B.weight")) for name in weights)

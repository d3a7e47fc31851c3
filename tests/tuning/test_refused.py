"""What `synthgen tune` refuses before it trains, as a user meets it."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from synthgen.bundled import GENERATOR
from tests.command import command_line

SPEC = """\
synthgen: 1
name: workers
model: {id: "bundled:workers"}
classes: {doctor: 4, nurse: 4}
prompts: {templates: ["a {class} with {hair} hair"], variables: {hair: [short, long]}}
"""


def images(folder: Path, count: int, name: str = "doctor") -> Path:
    """An image folder of two classes: nurse, and the one of this name."""
    rng = np.random.default_rng(0)
    for number in range(count):
        place = folder / ("nurse" if number % 2 else name)
        place.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 255, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(place / f"{number:03}.png")
    return folder


def model(folder: Path, part: str, **settings: object) -> str:
    """The bundled model with other settings of a part."""
    shutil.copytree(GENERATOR, folder / "model")
    file = folder / "model" / part
    file.write_text(json.dumps({**json.loads(file.read_text()), **settings}))
    return str(folder / "model")


def refusal(tmp_path: Path, capsys: pytest.CaptureFixture[str], *more: str, real: Path | None = None) -> str:
    """What is said on stderr; nothing was written."""
    place = real or images(tmp_path / "real", 6)
    given = ["--real", str(place), "--model", "bundled:workers", "-o", str(tmp_path / "out"), "--check", "0"]
    assert command_line(["tune", *given, *more, "--quiet"]) == 2
    assert not (tmp_path / "out" / "tune.json").exists()
    return " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--model", "no such"], "--model: expected 'bundled:workers', a hub id"),
        (["--model", "./nowhere"], "nowhere"),
        (["--model", "plugin:fake"], "generators of plug-ins cannot be tuned"),
        (["--template", "a worker"], "--template: 'a worker' has no {class}"),
        (["--template", "a {class} with {hair} hair"], "has {hair}, and of the real images only the class is known"),
        (["--template", "a {class"], "--template: unbalanced '{' at character 3"),
        (["--size", "60"], "--size: expected a multiple of 8, found 60"),
        (["--precision", "float16", "--device", "cpu"], "--precision: cpu does not train in float16"),
        (["--max-memorised", "0.1"], "--max-memorised: with --check 0 nothing is compared"),
        (["--layers", "al"], "--layers: expected attention or all, found 'al'"),
        (["--learning-rate", "0"], "--learning-rate: expected a number above 0, such as 1e-4"),
    ],
)
def test_wrong_options_are_named(
    more: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert message in refusal(tmp_path, capsys, *more)


@pytest.mark.parametrize(
    ("count", "message"), [(4, "has 4 images; expected at least 5"), (501, "expected at most 500")]
)
def test_too_few_and_too_many_images_are_refused(
    count: int, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert message in refusal(tmp_path, capsys, real=images(tmp_path / "real", count))


def test_images_that_cannot_be_read_are_refused_and_named_where_they_are_many(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    real = images(tmp_path / "real", 10)
    for number in (0, 2, 4, 6):
        (real / "doctor" / f"{number:03}.png").write_bytes(b"no picture")
    said = refusal(tmp_path, capsys, real=real)
    assert "4 of 10 images cannot be used, those that cannot be opened: doctor/000.png, doctor/002.png, " in said
    assert "doctor/004.png and 1 more" in said


def test_copies_count_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    real = images(tmp_path / "real", 5)
    shutil.copy(real / "doctor" / "000.png", real / "doctor" / "004.png")
    assert "has 4 images; expected at least 5" in refusal(tmp_path, capsys, real=real)


def test_a_spec_must_have_the_classes_and_a_plain_template(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC)
    said = refusal(tmp_path, capsys, "--spec", str(tmp_path / "spec.yaml"))
    assert "--spec: no template of workers shows only the class of 'doctor'" in said
    said = refusal(
        tmp_path, capsys, "--spec", str(tmp_path / "spec.yaml"), real=images(tmp_path / "other", 6, "docter")
    )
    assert "--real: 'docter' is not a class of the spec workers; did you mean 'doctor'?" in said


def test_a_folder_with_other_files_stays_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("mine")
    assert "has other files: thesis.tex" in refusal(tmp_path, capsys)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("place", ["mine.csv", "mine.csv/out"])
def test_a_file_is_not_a_folder_for_the_adapter(place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.csv").write_text("mine")
    said = refusal(tmp_path, capsys, "-o", str(tmp_path / place))
    assert f"--output: {tmp_path / 'mine.csv'} is a file and not a folder" in said
    assert (tmp_path / "mine.csv").read_text() == "mine"


@pytest.mark.parametrize(
    ("part", "settings", "message"),
    [
        ("model_index.json", {"_class_name": "FluxPipeline"}, "is a FluxPipeline, which tune does not know"),
        ("unet/config.json", {"time_cond_proj_dim": 256}, "its guidance was distilled"),
        ("unet/config.json", {"in_channels": 9}, "its UNet takes 9 channels, and its decoder's latents have 4"),
        ("scheduler/scheduler_config.json", {"prediction_type": "flow"}, "prediction_type is 'flow'"),
        ("scheduler/scheduler_config.json", {"_class_name": "LCMScheduler"}, "it draws in few steps"),
        ("model_index.json", {"_class_name": "KolorsPipeline"}, "is a KolorsPipeline, which tune does not know"),
        (
            "model_index.json",
            {"_class_name": "StableDiffusion3Pipeline"},
            "its scheduler is DDIMScheduler; expected one of flow matching",
        ),
        (
            "model_index.json",
            {"_class_name": "Flux2KleinPipeline", "is_distilled": True},
            "its guidance was distilled into its weights",
        ),
    ],
)
def test_models_that_cannot_be_tuned_say_why(
    part: str, settings: dict[str, object], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refusal(tmp_path, capsys, "--model", model(tmp_path, part, **settings))
    assert message in said
    assert ("FLUX.2 Klein Base (Flux2KleinPipeline); Z-Image (ZImagePipeline); Qwen-Image" in said) == (
        "does not know" in message
    )

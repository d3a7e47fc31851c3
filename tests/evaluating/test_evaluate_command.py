"""`synthgen evaluate` as a user calls it."""

import json
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from PIL import Image

from synthgen.evaluating.document import evaluation_schema
from tests.command import command_line

SHADES = {"blue": (40, 60, 200), "green": (60, 160, 60), "red": (200, 50, 40)}


def images(folder: Path, each: int, seed: int) -> Path:
    """An image folder of noisy colours, one for each class."""
    rng = np.random.default_rng(seed)
    for name, shade in SHADES.items():
        (folder / name).mkdir(parents=True)
        for number in range(each):
            pixels = np.clip(np.array(shade) + rng.normal(scale=90, size=(6, 6, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).resize((32, 32)).save(folder / name / f"{number}.png")
    return folder


def test_a_verdict_comes_with_every_arm_and_a_gate_sets_the_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sets = {"real": images(tmp_path / "real", 12, 0), "synthetic": images(tmp_path / "synthetic", 30, 1)}
    given = [text for name, folder in sets.items() for text in (f"--{name}", str(folder))]
    rest = ["--learner", "knn", "--gate", "accuracy: difference >= 0.99", "-o", str(tmp_path / "out"), "--quiet"]

    assert command_line(["evaluate", *given, *rest]) == 4
    shown = capsys.readouterr()
    assert shown.out.startswith("verdict")
    assert all(len(line) <= 80 for line in shown.out.splitlines() if str(tmp_path) not in line)
    assert "accuracy: difference >= 0.99" in shown.err

    assert command_line(["evaluate", *given, *rest, "--json"]) == 4
    result = json.loads(capsys.readouterr().out)["result"]
    assert result["verdict"] in ("helps", "harms", "cannot tell")
    assert result == json.loads((tmp_path / "out" / "evaluation.json").read_text())
    jsonschema.validate(result, evaluation_schema())
    assert result["provenance"]["command"].endswith(f" -o {tmp_path / 'out'}")
    assert result["arms"][0]["name"] == "real"
    assert "synthgen evaluate --real" in (tmp_path / "out" / "report.html").read_text()
    assert all(each["difference"]["accuracy"]["low"] <= 1 for each in result["arms"][1:])


@pytest.mark.slow
def test_a_network_is_trained_on_the_images_of_every_arm(tmp_path: Path) -> None:
    sets = {"real": images(tmp_path / "real", 12, 0), "synthetic": images(tmp_path / "synthetic", 12, 1)}
    given = [text for name, folder in sets.items() for text in (f"--{name}", str(folder))]
    rest = ["--learner", "timm:test_resnet", "--steps", "20", "-o", str(tmp_path / "out"), "--quiet"]
    assert command_line(["evaluate", *given, *rest, "--device", "cpu"]) == 0
    found = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    jsonschema.validate(found, evaluation_schema())
    assert found["training"] == {"image_size": 32, "steps": 20}
    assert {each["setting"] for each in found["arms"]} <= {3e-4, 1e-3, 3e-3}
    assert found["arms"][1]["name"] == "real + RandAugment"
    assert found["arms"][1]["images"] == found["arms"][0]["images"]


def test_groups_of_the_test_are_measured_and_gated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = ["path,label,size"]
    for number, path in enumerate(sorted(images(tmp_path / "test", 20, 2).rglob("*.png"))):
        rows.append(f"{path.relative_to(tmp_path)},{path.parent.name},{'small' if number % 3 else 'large'}")
    (tmp_path / "test.csv").write_text("\n".join(rows))
    sets = {"real": images(tmp_path / "real", 8, 0), "synthetic": images(tmp_path / "synthetic", 12, 1)}
    given = [text for name, folder in sets.items() for text in (f"--{name}", str(folder))]
    more = ["--test", str(tmp_path / "test.csv"), "--group", "size", "--gate", "worst group: difference >= 0.9"]

    assert command_line(["evaluate", *given, *more, "--learner", "knn", "-o", str(tmp_path / "out"), "--quiet"]) == 4
    assert "in that of the worst group" in capsys.readouterr().out
    found = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    jsonschema.validate(found, evaluation_schema())
    for arm in found["arms"]:
        groups = arm["scores"]["groups"]["size"]
        assert set(groups) == {"small", "large"}
        assert arm["scores"]["worst_group"]["value"] == min(each["value"] for each in groups.values())


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--learner", "forest"], "--learner: there is no learner 'forest' here"),
        (["--learner", "prob"], "Did you mean 'probe'?"),
        (["--learner", "timm:resnet81"], "--learner: timm knows no network 'resnet81'"),
        (["--learner", "timm:hf-hub:some/body"], "--learner: timm knows no network 'hf-hub:some/body'"),
        (["--learner", "timm:lcnet_035:pretrained"], "--learner: timm has no pretrained weights of 'lcnet_035'"),
        (["--learner", "timm:vit_tiny_patch16_224", "--image-size", "8"], "cannot take images of 8 x 8 pixels"),
        (["--steps", "20"], "--steps: the learner probe has no steps"),
        (["--learner", "knn", "--image-size", "64"], "--image-size: the learner knn sees no pixels"),
        (["--judge", "vqa:Salesforce/blip-vqa-base"], "--judge: vqa:Salesforce/blip-vqa-base answers questions"),
        (["--gate", "f1: difference >= 0.1"], "--gate: gate 'f1: difference >= 0.1'"),
        (["--test", "nowhere"], "--test: nowhere: there is no such file or folder"),
        (["--smallest-effect", "0"], "--smallest-effect: "),
        (["--gate", "worst group: difference >= 0"], "--gate: gate 'worst group: difference >= 0': no groups"),
        (["--group", "skin"], "has no column 'skin'"),
        (["--device", "cuda:99"], "device 'cuda:99' cannot be used here"),
        (["-o", ""], "--output: "),
        (["-o", __file__], "is a file and not a folder"),
    ],
)
def test_wrong_options_are_named(
    more: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(images(tmp_path / "real", 1, 0))
    given = ["evaluate", "--real", folder, "--synthetic", folder, "-o", str(tmp_path / "out"), *more, "--quiet"]
    assert command_line(given) == 2
    assert message in capsys.readouterr().err


def test_images_that_cannot_be_used_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = images(tmp_path / "real", 3, 0)
    for number in range(3):
        (folder / "red" / f"{number}.png").write_text("no image")
    (folder / "green" / "1.png").write_text("no image")
    given = ["evaluate", "--real", str(folder), "--synthetic", str(folder), "-o", str(tmp_path / "out"), "--quiet"]
    assert command_line(given) == 2
    shown = " ".join(capsys.readouterr().err.split())
    assert "4 of 9 images cannot be used" in shown
    assert "green/1.png, red/0.png, red/1.png and 1 more" in shown

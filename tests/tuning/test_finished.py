"""What a tuning that is done answers when it is asked for again."""

import json
import shutil
from pathlib import Path

import jsonschema
import pytest

from synthgen.tuning.schema import tune_schema
from tests.command import command_line
from tests.generating.tiny import save_stable_diffusion
from tests.tuning.test_refused import images


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model, real images, and two tunings: `compared`, with 2 images compared, and `plain`."""
    folder = tmp_path_factory.mktemp("finished")
    save_stable_diffusion(folder / "sd")
    images(folder / "real", 6)
    assert tune(folder, "plain", "--check", "0", "--license", "CC0") == 0
    assert tune(folder, "compared", "--check", "2") == 0
    return folder


def copied(done: Path, name: str, tmp_path: Path) -> Path:
    return shutil.copytree(done / name, tmp_path / "copy")


def tune(folder: Path, name: str, *more: str) -> int:
    given = ["--real", str(folder / "real"), "--model", str(folder / "sd"), "-o", str(folder / name), "--steps", "1"]
    rest = ["--batch-size", "1", "--rank", "1", "--device", "cpu", "--judge", "bundled:judge", "--quiet"]
    return command_line(["tune", *given, *rest, *more])


@pytest.mark.parametrize(
    ("name", "more", "message"),
    [
        (
            "plain",
            ["--max-memorised", "0"],
            "no image was compared with the training images when {} was tuned, but --check is 64",
        ),
        ("plain", ["--check", "4", "--max-memorised", "0.5"], "was tuned, but --check is 4 Choose another"),
        ("compared", ["--check", "4", "--max-memorised", "0.9"], "--check: 2 images were compared"),
        ("compared", ["--check", "0"], "or give --check 2 to see what is there"),
        ("plain", ["--check", "0", "--license", "other"], "--license: {} has the note 'CC0'; found 'other'"),
        ("compared", ["--check", "2", "--license", "other"], "--license: {} has no note on a licence; found 'other'"),
        (
            "plain",
            ["--check", "0", "--precision", "bfloat16"],
            "--precision: {} was tuned in float32; found 'bfloat16'",
        ),
    ],
)
def test_what_a_done_tuning_did_not_do_is_refused_by_name(
    done: Path, name: str, more: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.read_bytes() for path in (done / name).rglob("*") if path.is_file()}
    assert tune(done, name, *more) == 2
    assert message.format(done / name) in " ".join(capsys.readouterr().err.split())
    assert {path: path.read_bytes() for path in (done / name).rglob("*") if path.is_file()} == before


def test_another_judge_is_refused(done: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = copied(done, "compared", tmp_path) / "tune.json"
    record.write_text(record.read_text().replace("bundled:judge", "some/clip"))
    assert tune(done, str(tmp_path / "copy"), "--check", "2", "--max-memorised", "0.9") == 2
    assert "was compared by some/clip; found 'bundled:judge'" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(("name", "more"), [("plain", ["--check", "0"]), ("compared", ["--check", "2"])])
def test_the_same_command_again_is_answered_with_what_is_there(
    done: Path, name: str, more: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert tune(done, name, *more, "--precision", "float32", "--json") == 0
    result = json.loads(capsys.readouterr().out)["result"]
    assert result == json.loads((done / name / "tune.json").read_text())
    assert result["images"]["licence"] == ("CC0" if name == "plain" else None)
    jsonschema.validate(result, tune_schema())


def test_the_schema_of_the_record_is_printed_and_refuses_what_is_none(
    done: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command_line(["schema", "--tune"]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert schema == tune_schema()
    record = json.loads((done / "compared" / "tune.json").read_text())
    jsonschema.validate(record, schema)
    assert schema["properties"].keys() == record.keys()
    for part in ("memorisation", "settings", "adapter"):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**record, part: {**record[part], next(iter(record[part])): {}}}, schema)


@pytest.mark.parametrize(
    ("change", "message"), [("gone", "is not there"), ("other", "was changed: expected the sha256")]
)
def test_an_adapter_that_is_not_the_one_of_the_record_is_an_error(
    done: Path, tmp_path: Path, change: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = copied(done, "plain", tmp_path) / "pytorch_lora_weights.safetensors"
    content = path.read_bytes()
    path.unlink()
    if change == "other":
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert tune(done, str(tmp_path / "copy"), "--check", "0") == 5
    said = " ".join(capsys.readouterr().err.split())
    assert f"{path} {message}" in said
    assert f"delete {path.parent / 'tune.json'} to tune again" in said


@pytest.mark.parametrize("adapter", [None, {}])
def test_a_record_that_lacks_something_is_damaged(
    done: Path, tmp_path: Path, adapter: object, capsys: pytest.CaptureFixture[str]
) -> None:
    path = copied(done, "plain", tmp_path) / "tune.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "adapter": adapter}))
    assert tune(done, str(tmp_path / "copy"), "--check", "0") == 5
    assert "tune.json is damaged" in capsys.readouterr().err


def test_other_settings_are_shown_shortly_and_by_what_a_user_gave(
    done: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    long = f"{'very ' * 50}good photo of a {{class}}"
    assert tune(done, "plain", "--check", "0", "--steps", "50", "--template", long) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "is of another tuning: prompts such as 'a photo of a doctor' there, 'very very" in said
    assert "...' here; steps 1 there, 50 here" in said
    assert "every" not in said.replace("very ", "")
    assert len(said.replace(str(done), "")) < 300


def test_images_that_are_left_out_are_named(done: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    real = images(tmp_path / "real", 6)
    shutil.copy(real / "doctor" / "000.png", real / "doctor" / "copy.png")
    assert tune(done, "plain", "--check", "0", "--license", "CC0", "--real", str(real), "--json") == 0
    warnings = json.loads(capsys.readouterr().out)["warnings"]
    assert any("1 image that another image is a copy of was left out: doctor/copy.png" in each for each in warnings)

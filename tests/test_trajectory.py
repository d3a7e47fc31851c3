"""`synthgen trajectory`, from a spec to a strip and a page."""

import io
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tests.command import command_line, result
from tests.page import Page

SPEC = """\
synthgen: 1
name: staff
model: {id: "bundled:workers", steps: 3, batch_size: 1}
classes: {doctor: 1, chef: 1}
prompts: {templates: ["a {class}"]}
"""


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "staff.yaml").write_text(SPEC)
    return tmp_path / "staff.yaml"


def draw(capsys: pytest.CaptureFixture[str], *options: str, code: int = 0) -> str:
    assert command_line(["trajectory", "staff.yaml", *options]) == code
    return capsys.readouterr().out


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)))


@pytest.mark.slow
def test_the_last_frame_is_the_image_that_a_run_makes_and_what_is_drawn_is_kept(
    spec: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = result(draw(capsys, "-n", "2", "--steps", "1,2", "--json"))
    assert first["drawn"] == 2
    folder = spec.parent / "outputs/staff-trajectory"
    assert command_line(["run", "staff.yaml"]) == 0
    capsys.readouterr()
    (file,) = (spec.parent / "outputs/staff/shards").glob("*.parquet")
    made = {row["id"]: row["image"]["bytes"] for row in pq.read_table(file).to_pylist()}
    assert len(made) == 2
    for one in first["images"]:
        assert [(frame["kind"], frame["step"]) for frame in one["frames"]] == [
            ("noise", 0),
            ("clean", 1),
            ("clean", 2),
            ("image", 3),
        ]
        kept = (folder / "frames" / one["id"] / one["frames"][-1]["file"]).read_bytes()
        assert np.array_equal(pixels(kept), pixels(made[one["id"]]))

    page = Page((folder / "index.html").read_text("utf-8"))
    assert len([tag for tag, _ in page.tags if tag == "img"]) == 8
    assert {"doctor", "chef"} <= set(page.words)
    assert pixels((folder / "trajectory.png").read_bytes()).shape[1] > 4 * 96

    # What is there is not drawn again; what is damaged, or of another spec, is.
    assert result(draw(capsys, "-n", "2", "--steps", "2,1", "--json"))["drawn"] == 0
    (folder / "frames/00000-000001/noise-0000.png").write_bytes(b"")
    assert result(draw(capsys, "-n", "2", "--steps", "1,2", "--json"))["drawn"] == 1
    other = result(draw(capsys, "-n", "1", "--steps", "1,2", "--set", "model.guidance=3", "--json"))
    assert other["drawn"] == 1


def test_steps_that_there_are_not_are_refused_before_anything_is_drawn(
    spec: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = json.loads(draw(capsys, "--steps", "1,7", "--json", code=2))
    assert answer["errors"][0]["message"] == "there is no step 7: model.steps is 3"
    assert answer["errors"][0]["argument"] == "--steps"
    assert "expected numbers such as 1,5,10" in draw(capsys, "--steps", "one", "--json", code=2)
    assert not (spec.parent / "outputs").exists()

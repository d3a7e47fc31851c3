"""The guide to formats, and the README's training: each block of code runs as it stands."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from torchvision.datasets import ImageFolder

from synthgen.errors import SpecError
from synthgen.sets import open_set, read_frame
from synthgen.spec import OWN_FORMATS, Output, parse_spec
from synthgen.spec.format_notes import format_notes_of
from tests.command import command_line
from tests.dataset.shards import CLASSES, image_row
from tests.dataset.written import png, write

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/formats.md").read_text("utf-8")
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = dict(re.findall(r'^```python title="(\w+)"\n(.*?)^```', PAGE, re.DOTALL | re.MULTILINE))
SPEC = """\
synthgen: 1
name: t
model: {id: 'bundled:workers'}
classes: {doctor: 3, chef: 3}
prompts: {templates: ['a {class}']}
"""


def shaded(place: int) -> dict[str, Any]:
    """A row whose picture has the shade of its class, and some noise."""
    label = place % len(CLASSES)
    pixels = np.random.default_rng(place).integers(0, 60, (64, 64, 3)) + 90 * label
    return image_row(0, place, label, png(pixels.astype(np.uint8)))


ROWS = [shaded(place) for place in range(48)]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of the bundled world in all formats at once."""
    folder = tmp_path_factory.mktemp("page") / "outputs/quickstart/dataset"
    summary = write(folder, OWN_FORMATS, ROWS, CLASSES, {"train": 0.75, "test": 0.25})
    assert {name.partition("/")[0] for name in summary.digests if "/" in name} == {*OWN_FORMATS}
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")


def test_the_page_and_the_table_name_the_same_formats() -> None:
    first, _, _ = PAGE.partition("## What each one has")
    assert tuple(re.findall(r"^\| `(\w+)`", first, re.MULTILINE)) == OWN_FORMATS
    assert [name for name in OWN_FORMATS if f"'{name}'" not in (Output.model_fields["format"].description or "")] == []
    written = re.search(r'```yaml title="output.yaml"\n(.*?)```', PAGE, re.DOTALL)
    assert written
    assert parse_spec(SPEC + written[1]).output.formats == ("parquet", "webdataset")
    with pytest.raises(SpecError, match=r"there is no format 'cocoa' here. Did you mean 'coco'\?"):
        parse_spec(f"{SPEC}output: {{format: cocoa}}")


@pytest.mark.slow
@pytest.mark.parametrize("first", ["imagefolder", "coco", "webdataset"])
def test_an_audit_opens_the_first_of_several_formats(first: str, tmp_path: Path) -> None:
    write(tmp_path / "set", [first, "hf", "yolo"], ROWS[:12], CLASSES, {"train": 0.5, "test": 0.5})
    found = open_set(tmp_path / "set")
    assert (found.name, len(read_frame(found))) == ("set", 12)
    assert set(read_frame(open_set(tmp_path / "set", "test"))["label"]) == {*CLASSES}


@pytest.mark.slow
@pytest.mark.parametrize("name", BLOCKS)
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_code_of_the_page_runs(name: str, written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {"folder": str(written / name), "Path": Path}
    if name in {"parquet", "imagefolder"}:  # the card of a dataset in one format is in its own folder
        names["folder"] = str(alone(written, name))
    exec(BLOCKS[name], names)
    if "data" in names:
        assert {split: len(rows) for split, rows in names["data"].items()} == {"train": 36, "test": 12}
    if name == "imagefolder":
        assert names["data"]["train"].features["label"].names == [*CLASSES]
        assert names["train"].classes == [f"{label}-{kind}" for label, kind in enumerate(CLASSES)]
    if name == "parquet":
        assert len(names["table"]) == 3
    if name == "coco":
        assert len(names["train"]) == len(names["annotations"].anns) == 36


def alone(written: Path, name: str) -> Path:
    folder = written.with_name(f"alone-{name}")
    write(
        folder, [name], [image_row(0, place, place % 3) for place in range(48)], CLASSES, {"train": 0.75, "test": 0.25}
    )
    return folder


def test_the_readme_trains_a_classifier(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = re.search(r"^Ten lines of PyTorch .*?```python\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    assert found
    assert len([line for line in found[1].splitlines() if line]) == 10
    monkeypatch.chdir(written.parents[2])
    names: dict[str, Any] = {}
    exec(found[1], names)
    answers = [(names["model"](one["image"] / 127.5 - 1).argmax(1), one["label"]) for one in names["batches"]]
    assert sum(int((found == labels).sum()) for found, labels in answers) == 36


def test_plan_says_what_formats_for_detectors_lack(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text(f"{SPEC}output: {{format: [parquet, coco, yolo]}}\n")
    assert command_line(["plan", str(spec), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert len([note for note in told["result"]["forecast"]["warnings"] if "without boxes or masks" in note]) == 2
    located = parse_spec(spec.read_text() + "annotate: {boxes: 'bundled:reader'}\n")
    assert format_notes_of(located) == []


def test_validation_of_yolo_is_the_test_split_if_there_is_no_other(tmp_path: Path) -> None:
    import pyarrow as pa

    rows = [image_row(0, place, 0) | {"boxes": [[1.0, 2.0, 9.0, 8.0]]} for place in range(8)]
    boxes = {"boxes": pa.list_(pa.list_(pa.float32()))}
    write(tmp_path / "two", ["yolo"], rows, CLASSES, {"train": 0.5, "test": 0.5}, boxes)
    text = (tmp_path / "two/data.yaml").read_text("ascii")
    assert text.startswith("# There is no split for validation")
    assert yaml.safe_load(text)["val"] == "images/test"
    write(tmp_path / "plain", ["yolo"], [image_row(0, 0, 0)], ("a",), {"train": 1.0})
    assert ImageFolder(str(tmp_path / "plain/train")).classes == ["a"]

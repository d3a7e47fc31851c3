"""Sets are named after what tells them from others."""

from pathlib import Path

import pytest

from synthgen.auditing.places import output_folder
from synthgen.sets.set_name import set_name


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("w1/metadata.csv", "w1"),
        ("w1/labels.tsv", "w1"),
        ("w1/data/train-00000-of-00001.parquet", "w1"),
        ("w1/test.parquet", "w1"),
        ("w1/Data/index.csv", "w1"),
        ("w1/people.csv", "people"),
        ("w1/train_people.csv", "train_people"),
        ("w1/labels of 2026.csv", "labels of 2026"),
    ],
)
def test_a_file_that_says_nothing_is_named_after_its_folder(file: str, name: str, tmp_path: Path) -> None:
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).touch()
    assert set_name(tmp_path / file) == name
    assert output_folder(tmp_path / file) == Path("outputs") / f"{name}-audit"


@pytest.mark.parametrize("name", ["v1.5", "data", "train"])
def test_a_folder_keeps_its_name(name: str, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    assert output_folder(tmp_path / name) == Path("outputs") / f"{name}-audit"

"""A larger sample keeps the labels of the smaller one, and the table has the pictures' numbers."""

import csv
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest

from synthgen.auditing.labelled import draw_sample
from synthgen.auditing.taken import check_same_set, place_sha256
from synthgen.errors import UsageError
from synthgen.pages.audit_labels import LabelSample, read_labelling, write_labelling
from tests.dataset.shards import portrait

SKIN = {"skin": ("light", "dark")}


def samples(names: str, weight: float) -> list[LabelSample]:
    return [LabelSample(name, "chef", weight, None) for name in names]


def rows_of(table: Path) -> list[dict[str, str]]:
    with table.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def fill(table: Path, labels: dict[str, str]) -> None:
    rows = rows_of(table)
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows({**row, "skin": labels.get(row["id"], "")} for row in rows)


def test_a_larger_sample_of_the_same_seed_contains_the_smaller_one() -> None:
    frame = pd.DataFrame(
        {"id": [f"{n:03}" for n in range(300)], "label": ["chef"] * 200 + ["nurse"] * 90 + ["cook"] * 10}
    )
    drawn = [set(draw_sample(frame, size, seed=3)["id"]) for size in range(1, 301, 7)]
    assert all(less < more for less, more in pairwise(drawn))


def test_a_second_export_keeps_labels_and_adds_rows(tmp_path: Path) -> None:
    table = write_labelling(samples("ba", 4.0), SKIN, tmp_path, "t")
    assert [(row["number"], row["id"]) for row in rows_of(table)] == [("1", "b"), ("2", "a")]
    fill(table, {"b": "dark", "a": "light"})

    write_labelling(samples("dacb", 2.0), SKIN, tmp_path, "t")
    found = [tuple(row[column] for column in ("number", "id", "weight", "skin")) for row in rows_of(table)]
    assert found[:2] == [("1", "b", "2.0", "dark"), ("2", "a", "2.0", "light")]
    assert found[2:] == [("3", "d", "2.0", ""), ("4", "c", "2.0", "")]
    assert read_labelling(table, SKIN)["skin"].tolist() == ["dark", "light", None, None]


@pytest.mark.parametrize("names", ["ab", "a", "acd"])
def test_a_sample_that_lacks_a_labelled_image_or_adds_none_is_refused(tmp_path: Path, names: str) -> None:
    table = write_labelling(samples("ba", 4.0), SKIN, tmp_path, "t")
    fill(table, {"b": "dark"})
    before = table.read_bytes()
    with pytest.raises(UsageError, match="already exists"):
        write_labelling(samples(names, 2.0), SKIN, tmp_path, "t")
    assert table.read_bytes() == before


def test_an_attribute_may_be_called_number(tmp_path: Path) -> None:
    table = write_labelling(samples("ba", 4.0), {"number": ("one", "two")}, tmp_path, "t")
    assert rows_of(table)[0] == {"id": "b", "class": "chef", "weight": "4.0", "number": ""}


def test_labels_of_another_set_with_the_same_ids_are_not_joined(tmp_path: Path) -> None:
    def pictured(names: str, first: int) -> list[LabelSample]:
        return [LabelSample(name, "chef", 1.0, portrait(first + ord(name), "JPEG")) for name in names]

    table = write_labelling(pictured("ba", 0), SKIN, tmp_path, "t")
    fill(table, {"b": "dark"})
    kept, page = table.read_bytes(), tmp_path / "to-label.html"
    before = page.read_bytes()
    with pytest.raises(UsageError, match="does not show the same pictures") as refused:
        write_labelling(pictured("abc", 7), SKIN, tmp_path, "t")
    assert "of another set" in str(refused.value.hint)
    assert (table.read_bytes(), page.read_bytes()) == (kept, before)

    page.rename(tmp_path / "moved.html")
    with pytest.raises(UsageError, match="does not show"):
        write_labelling(pictured("abc", 0), SKIN, tmp_path, "t")
    (tmp_path / "moved.html").rename(page)
    write_labelling(pictured("abc", 0), SKIN, tmp_path, "t")
    assert [row["skin"] for row in rows_of(table)] == ["dark", "", ""]


def test_a_default_folder_with_images_to_label_of_another_set_is_refused(tmp_path: Path) -> None:
    for place in ("a/people", "b/people"):
        (tmp_path / place).mkdir(parents=True)
    write_labelling(samples("ba", 1.0), SKIN, tmp_path, "t", place_sha256(tmp_path / "a/people"))
    check_same_set(tmp_path, tmp_path / "a/people")
    with pytest.raises(UsageError, match="holds images to label of another set"):
        check_same_set(tmp_path, tmp_path / "b/people")

"""The table of columns: in the guide, in what is written, and in its order."""

import re
from pathlib import Path

import pyarrow as pa
import pytest

from synthgen.dataset.columns import COLUMNS, COLUMNS_VERSION, column_of, explained, features_of, in_order
from synthgen.ledger import columns
from synthgen.ledger.columns import ImageRow

ROOT = Path(__file__).parents[2]


def test_the_guide_has_the_table() -> None:
    text = (ROOT / "docs/dataset.md").read_text("utf-8")
    listed = re.findall(r"^\| (`[^`]+`|those of `source.keep`) \| (.+?) \| (.+?) \| (.+?) \|$", text, re.MULTILINE)
    rows = [entry for entry in listed if not entry[0].startswith("`output") and len(entry) == 4]
    own = {"others": "those of `source.keep`"}
    wanted = [(own.get(each.name, f"`{each.name}`"), each.kind, each.meaning, each.when or "all") for each in COLUMNS]
    assert rows == wanted
    assert f"This is version {COLUMNS_VERSION} of the table" in text


def test_every_column_that_a_row_may_have_is_in_it() -> None:
    missing = [name for name in ImageRow.__annotations__ if column_of(name).name == "others"]
    assert missing == [*columns.FOR_DUPLICATES]


def test_columns_come_in_one_order_whatever_a_run_has() -> None:
    names = [
        "shard",
        "score_b",
        "caption",
        "id",
        "included_by",
        "score_a",
        "image",
        "model",
        "class",
        "label",
        "prompt",
    ]
    ordered = [
        "id",
        "image",
        "label",
        "class",
        "prompt",
        "caption",
        "score_b",
        "score_a",
        "model",
        "shard",
        "included_by",
    ]
    assert in_order(names) == ordered
    assert [(found, entry.name) for found, entry in explained(names)][5:7] == [
        (["caption"], "others"),
        (["score_b", "score_a"], "score_*"),
    ]


@pytest.mark.parametrize("name", ["model", "attempt", "shard", "class", "Label"])
def test_no_column_of_the_users_own_set_may_have_such_a_name(name: str) -> None:
    assert columns.own_names([name]) == [name]


def test_types_are_those_of_datasets() -> None:
    from datasets import ClassLabel, Image, List

    picture = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    schema = pa.schema({"image": picture, "label": pa.int64(), "mask": picture, "masks": pa.list_(picture)})
    found = features_of(schema, ["a", "b"])
    assert found == {"image": Image(), "label": ClassLabel(names=["a", "b"]), "mask": Image(), "masks": List(Image())}

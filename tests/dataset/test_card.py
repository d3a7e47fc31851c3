"""The dataset's README, with hostile names in it."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from huggingface_hub import DatasetCard

from synthgen.dataset.card import fenced, markdown
from synthgen.dataset.finalize import finalize
from synthgen.dataset.tally import tally
from tests.dataset.shards import PROVENANCE, image_row, write_images

HOSTILE = ("<script>alert(1)</script>", "a | b\n---\n# [x](javascript:y)", "yes: {no}")


def card_of(folder: Path) -> str:
    fates = Counter({(HOSTILE[0], "accepted", None): 3, (HOSTILE[1], "rejected", "label"): 5})
    provenance = replace(
        PROVENANCE,
        tally=tally(fates, dict.fromkeys(HOSTILE, 2)),
        spec="name: x\n```\n<b>out of the fence</b>\n",
        settings={"steps": "20"},
        model_revision="abc123",
    )
    source = write_images(folder / "0.parquet", [image_row(0, i, i % 3) for i in range(6)])
    finalize(
        [source], folder / "dataset", name="workers", classes=HOSTILE, splits={"train": 0.5, "test": 0.5},
        provenance=provenance,
    )  # fmt: skip
    return (folder / "dataset/README.md").read_text("utf-8")


def test_the_front_matter_names_files_splits_and_types(tmp_path: Path) -> None:
    data = yaml.safe_load(DatasetCard(card_of(tmp_path)).data.to_yaml())
    assert data["configs"][0]["data_files"] == [
        {"split": "train", "path": "data/train-*.parquet"},
        {"split": "test", "path": "data/test-*.parquet"},
    ]
    features = {feature["name"]: feature for feature in data["dataset_info"]["features"]}
    assert features["image"]["dtype"] == "image"
    assert list(features["label"]["dtype"]["class_label"]["names"].values()) == list(HOSTILE)
    assert [split["num_examples"] for split in data["dataset_info"]["splits"]] == [3, 3]


def test_hostile_names_open_as_they_are(tmp_path: Path) -> None:
    from datasets import load_dataset

    card_of(tmp_path)
    loaded = load_dataset(str(tmp_path / "dataset"), split="train", cache_dir=str(tmp_path / "cache"))
    assert loaded.features["label"].names == list(HOSTILE)


def test_the_text_tells_what_happened_and_escapes_what_it_was_given(tmp_path: Path) -> None:
    body = card_of(tmp_path).split("\n---\n", 1)[1]
    assert "Of 8 attempts 3 were accepted" in body
    assert "| label | 5 | the judge did not take it for its class |" in body
    assert "**Short by 4**" in body
    assert "abc123" in body
    assert "<script>" not in body
    assert r"| a \| b --- \# \[x\](javascript:y) |" in body
    assert "````yaml\nname: x\n```\n<b>" in body


@pytest.mark.parametrize("word", ["complian", "GDPR", "AI Act", "unbiased", "fair"])
def test_no_law_and_no_virtue_is_claimed(tmp_path: Path, word: str) -> None:
    assert word.lower() not in card_of(tmp_path).lower()


def test_text_stays_on_its_line() -> None:
    assert markdown("a\n# b") == r"a \# b"
    assert markdown("bundled:workers see http://a.b") == r"bundled:workers see http\://a.b"
    assert fenced("````", "yaml").startswith("`````yaml")

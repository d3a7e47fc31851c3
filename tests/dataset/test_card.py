"""The dataset's README, with hostile names in it."""

from collections import Counter
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
import yaml
from huggingface_hub import DatasetCard
from PIL import Image

from synthgen.dataset.card import fenced, markdown
from synthgen.dataset.finalize import finalize
from synthgen.dataset.provenance import Provenance
from synthgen.ledger.composition import BalanceRequest
from synthgen.ledger.tally import Fate, tally
from synthgen.records import Cell
from synthgen.spec import DuplicateFilter
from tests.dataset.shards import CLASSES, PROVENANCE, image_row, write_images

HOSTILE = ("<script>alert(1)</script>", "a | b\n---\n# [x](javascript:y)", "yes: {no}")


def card_of(folder: Path) -> str:
    fates = Counter[Fate]({(name, "accepted", None): 2 for name in HOSTILE})
    fates[HOSTILE[1], "rejected", "label"] = 5
    provenance = replace(
        PROVENANCE,
        tally=tally(fates, dict.fromkeys(HOSTILE, 3)),
        spec="name: x\n```\n<b>out of the fence</b>\n",
        settings={"steps": "20"},
        model_revision="abc123",
        evaluated=("The learner is <b>probe</b>: helps.",),
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


def test_an_evaluation_is_quoted_literally(tmp_path: Path) -> None:
    quoted = card_of(tmp_path).partition("## Whether it helps a learner\n")[2].partition("\n## ")[0].strip()
    assert quoted == f"- {markdown('The learner is <b>probe</b>: helps.')}"
    assert "<b>" not in quoted


def test_hostile_names_open_as_they_are(tmp_path: Path) -> None:
    from datasets import load_dataset

    card_of(tmp_path)
    loaded = load_dataset(str(tmp_path / "dataset"), split="train", cache_dir=str(tmp_path / "cache"))
    assert loaded.features["label"].names == list(HOSTILE)


def test_a_dataset_is_not_taken_for_another_one_of_its_size(tmp_path: Path) -> None:
    """`datasets` keeps what it read under a hash of the card's front matter."""
    from datasets import load_dataset

    for name, shade in (("one", 10), ("other", 200)):
        (tmp_path / name).mkdir()
        file = BytesIO()
        Image.new("RGB", (16, 16), (shade, shade, shade)).save(file, "PNG", compress_level=0)
        source = write_images(tmp_path / name / "0.parquet", [image_row(0, 0, 0, file.getvalue())])
        folder = tmp_path / name / "dataset"
        finalize(
            [source], folder, name="same", classes=CLASSES, splits={"train": 1.0}, provenance=PROVENANCE,
        )  # fmt: skip
        loaded = load_dataset(str(folder), split="train", cache_dir=str(tmp_path / "cache"))
        assert loaded[0]["image"].getpixel((0, 0)) == (shade, shade, shade)


def test_the_text_tells_what_happened_and_escapes_what_it_was_given(tmp_path: Path) -> None:
    body = card_of(tmp_path).split("\n---\n", 1)[1]
    assert "11 attempts passed the filters" in body
    assert ": 6 kept" in body
    assert "| label | 5 | the judge does not see its class in it |" in body
    assert "**Short by 3**: 3 for which the budget of attempts was spent.\n" in body
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


CELLS = tuple(
    Cell(f"doctor, skin_tone={tone}", "doctor", 0, quota, (("skin_tone", tone),))
    for tone, quota in (("light", 1), ("dark", 2))
)


def made_card(folder: Path, provenance: Provenance, drop: DuplicateFilter | None = None) -> str:
    rows = [image_row(0, i, i % 3) for i in range(6)]
    rows[1]["attribute_skin_tone"] = "unknown"
    finalize(
        [write_images(folder / "0.parquet", rows)], folder / "dataset", name="workers", classes=CLASSES,
        splits={"train": 1.0}, provenance=provenance, drop=drop,
    )  # fmt: skip
    return (folder / "dataset/README.md").read_text("utf-8").split("\n---\n", 1)[1]


@pytest.mark.parametrize(
    ("drop", "words"),
    [
        (None, "byte by byte only, and none was left out"),
        (DuplicateFilter(max_bits=5), "within each class, across all shards, and left out"),
        (DuplicateFilter(within="dataset", min_cosine=0.97), "in the whole dataset, across all shards"),
        (DuplicateFilter(max_bits=5), "at most 5 of 256 bits."),
        (DuplicateFilter(min_cosine=0.97), "a cosine of at least 0.97."),
    ],
)
def test_the_limits_say_which_duplicates_were_looked_for(tmp_path: Path, drop: DuplicateFilter, words: str) -> None:
    assert words in made_card(tmp_path, PROVENANCE, drop)


def test_each_fact_of_how_it_was_made_is_told_once(tmp_path: Path) -> None:
    versions = {"generator.model": "bundled:workers", "judge.judge": "bundled:judge", "library.torch": "2.10"}
    settings = {"model": "bundled:workers", "steps": "20", "judge": "bundled:judge"}
    provenance = replace(PROVENANCE, settings=settings, versions={**versions, "generator.torch": "2.10"})
    table = made_card(tmp_path, provenance).split("## What is in it")[0]
    told = ("bundled:workers |", "bundled:judge |", "| 2.10 |", "| steps | 20 |")
    assert [table.count(fact) for fact in told] == [1, 1, 1, 1]


def test_a_balanced_dataset_shows_what_each_cell_asked_for_and_got(tmp_path: Path) -> None:
    asked = BalanceRequest({"skin_tone": ("light", "dark", "unknown")}, ("skin_tone",), CELLS)
    body = made_card(tmp_path, replace(PROVENANCE, asked=asked))
    assert "| class | light | dark |\n| --- | ---: | ---: |\n| doctor | 0 / 1 (0%) | 2 / 2 (100%) |\n" in body
    assert "with no shares asked for" not in body


def test_what_is_not_balanced_is_shown_as_it_was_measured(tmp_path: Path) -> None:
    asked = BalanceRequest({"skin_tone": ("light", "dark", "unknown")})
    body = made_card(tmp_path, replace(PROVENANCE, asked=asked))
    assert "| class | light | dark | unknown |" in body
    assert "| chef | 0 (0%) | 1 (50%) | 1 (50%) |" in body


def test_of_very_many_cells_those_that_lack_most_are_shown(tmp_path: Path) -> None:
    tones = tuple(f"tone {i}" for i in range(100))
    cells = tuple(
        Cell(f"doctor {age} {tone}", "doctor", 0, 2 if age == 9 else 1, (("age", str(age)), ("skin_tone", tone)))
        for age in range(10)
        for tone in tones
    )
    asked = BalanceRequest({"age": (), "skin_tone": tones}, ("age", "skin_tone"), cells)
    body = made_card(tmp_path, replace(PROVENANCE, asked=asked))
    assert "| doctor | 9 | 0 / 2 (0%)" in body
    assert "6 rows more are not shown" in body

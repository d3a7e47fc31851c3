"""`croissant.json`, the card's papers and its picture: read by mlcroissant, huggingface_hub and a Markdown parser."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import mlcroissant
import pytest
from huggingface_hub import DatasetCard
from markdown_it import MarkdownIt
from PIL import Image

from synthgen.dataset.finalize import finalize
from synthgen.dataset.formats.opening import open_formats
from synthgen.dataset.summary import read_summary
from synthgen.ledger.tally import Fate, tally
from synthgen.records import AskedPoint
from synthgen.store.layout import CONTACT, CROISSANT
from tests.dataset.hostile import NAMES
from tests.dataset.shards import PROVENANCE, image_row, write_images

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*ConjunctiveGraph"),  # mlcroissant's own calls
    pytest.mark.filterwarnings("ignore:.*inplace keyword"),
]

CLASSES = NAMES[:12]
LICENCE: Mapping[str, object] = {
    "key": "model", "model": NAMES[13], "revision": NAMES[2], "licences": [NAMES[14]], "name": NAMES[14],
    "may_train_commercially": "unknown", "may_train_non_commercially": "unknown", "reason": NAMES[8], "sources": [],
    "said_by": "card", "is_output": True, "licence_file": NAMES[13], "licence_file_sha256": "0" * 64,
}  # fmt: skip
PROBE = replace(
    PROVENANCE,
    tally=tally(Counter[Fate]({(name, "accepted", None): 2 for name in CLASSES}), dict.fromkeys(CLASSES, 3)),
    spec="name: x\n```\n<b>out of the fence</b>\n",
    settings=dict(zip(NAMES, reversed(NAMES), strict=True)),
    metadata={name: name for name in NAMES} | {"license": NAMES[13], "creator": NAMES[14], "url": "javascript:x"},
    licence="cc-by-4.0",
    licences=(LICENCE,),
    questions=(AskedPoint("10(2)(a)", NAMES[13], NAMES, NAMES[14]), AskedPoint("10(2)(f)", "?", NAMES, None)),
    audited=NAMES,
    source=NAMES[0],
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a dataset in which everything that somebody may write is hostile."""
    place = tmp_path_factory.mktemp("hostile")
    rows = [image_row(0, i, 0) | {"label": i % 12, "prompt": NAMES[i]} for i in range(24)]
    finalize(
        [write_images(place / "0.parquet", rows)], place / "dataset", name="hostile", classes=CLASSES,
        splits={"train": 0.75, "test": 0.25}, provenance=PROBE,
    )  # fmt: skip
    return place / "dataset"


def content(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / CROISSANT).read_text("utf-8"))
    return found


def test_mlcroissant_finds_no_error_and_reads_every_record(folder: Path) -> None:
    opened = mlcroissant.Dataset(jsonld=str(folder / CROISSANT))
    assert not opened.metadata.ctx.issues.errors
    assert opened.metadata.ctx.is_v1_1()
    records = list(opened.records(record_set="images"))
    assert Counter(record["images/split"] for record in records) == {b"train": 18, b"test": 6}
    assert len(list(opened.records(record_set="images", filters={"images/split": "test"}))) == 6
    assert {record["images/prompt"].decode() for record in records} == set(NAMES[:24])
    assert {record["images/class"].decode() for record in records} == set(CLASSES)
    assert all(isinstance(record["images/image"], Image.Image) for record in records)
    assert [each["labels/name"] for each in opened.records(record_set="labels")] == list(CLASSES)


def test_files_have_their_hashes_and_are_part_of_the_dataset(folder: Path) -> None:
    summary = read_summary(folder)
    assert summary is not None
    listed = {one["@id"]: one for one in content(folder)["distribution"] if one["@type"] == "cr:FileObject"}
    assert set(listed) == {name for split in summary.splits for name in split.files}
    for name, one in listed.items():
        assert one["sha256"] == hashlib.sha256((folder / name).read_bytes()).hexdigest() == summary.digests[name]
        assert one["contentUrl"] == name
    assert {CROISSANT, CONTACT, "README.md", *listed} <= {*summary.digests}


def test_origin_and_responsibility_are_told(folder: Path) -> None:
    found = content(folder)
    assert found["conformsTo"][0] == "http://mlcommons.org/croissant/1.1"
    derived = [one["@id"] for one in found["prov:wasDerivedFrom"]]
    assert len(derived) == 2
    assert all(iri.startswith("urn:synthgen:") and "/" not in iri for iri in derived)
    assert found["prov:wasGeneratedBy"]["prov:used"] == [{"@id": iri} for iri in derived]
    assert PROVENANCE.fingerprint in found["prov:wasGeneratedBy"]["prov:label"]
    assert found["rai:machineAnnotationTools"] == [PROVENANCE.judge]
    assert len(found["rai:dataBiases"]) == len(NAMES)
    assert "url" not in found, "javascript: is no address"


def test_the_card_parses_and_no_text_becomes_markup(folder: Path) -> None:
    text = (folder / "README.md").read_text("utf-8")
    card = DatasetCard(text)
    assert card.data.to_dict()["license"] == "cc-by-4.0"  # type: ignore[no-untyped-call]
    assert {"synthetic", "machine-generated"} <= {*card.data.to_dict()["tags"]}  # type: ignore[no-untyped-call]
    page = MarkdownIt("gfm-like", {"linkify": False}).parse(card.text)
    inner = [token for block in page for token in (block, *(block.children or ()))]
    assert not [token.content for token in inner if token.type in ("html_block", "html_inline")]
    links = {str(token.attrs["href"]) for token in inner if token.type == "link_open"}
    assert links <= {"#the-spec", "#how-it-was-made"}
    images = [token.attrs["src"] for token in inner if token.type == "image"]
    assert images == [CONTACT]
    headings = [page[place + 1].content for place, token in enumerate(page) if token.type == "heading_open"]
    assert headings[0] == "hostile"
    assert "What Article 10(2) of the AI Act asks" in headings
    assert len(headings) == len(set(headings))
    widths = {"table_open": 0}
    for token in page:
        if token.type in ("table_open", "tr_open"):
            widths[token.type] = 0
        if token.type == "tr_open":
            cells = 0
        if token.type in ("td_open", "th_open"):
            cells += 1
        if token.type == "tr_close":
            assert widths["table_open"] in (0, cells), "every row of a table has as many cells"
            widths["table_open"] = cells


def test_the_sheet_is_a_small_picture_of_the_first_classes(folder: Path) -> None:
    with Image.open(folder / CONTACT) as sheet:
        assert (sheet.format, sheet.width, sheet.height) == ("JPEG", 2 * 116 + 4, 8 * 116 + 4)
    assert (folder / CONTACT).stat().st_size < 300_000


@pytest.mark.parametrize("formats", [("imagefolder",), ("webdataset",), ("parquet", "coco")])
def test_other_formats_are_listed_without_records(formats: tuple[str, ...], tmp_path: Path) -> None:
    writer, origin = open_formats(formats, {})
    source = write_images(tmp_path / "0.parquet", [image_row(0, i, i % 3) for i in range(6)])
    finalize(
        [source], tmp_path / "dataset", name="few", classes=CLASSES[-3:], splits={"train": 0.5, "test": 0.5},
        provenance=replace(PROVENANCE, format=origin), writer=writer,
    )  # fmt: skip
    opened = mlcroissant.Dataset(jsonld=str(tmp_path / "dataset" / CROISSANT))
    assert not opened.metadata.ctx.issues.errors
    has_records = "parquet" in formats
    assert bool(opened.metadata.record_sets) == has_records
    assert has_records == (len(list(opened.records(record_set="images"))) == 6 if has_records else False)

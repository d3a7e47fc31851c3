"""Formats of plug-ins that do not do what they say."""

import os
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from synthgen.dataset.finalize import finalize
from synthgen.dataset.formats import FormatWriter, Manifest, SelectedImages, Selection, WrittenSplit
from synthgen.dataset.provenance import FormatOrigin
from synthgen.errors import StorageError, UsageError
from tests.dataset.shards import CLASSES, PROVENANCE, write_shard


def _refuse(code: int) -> None:
    raise OSError(code, os.strerror(code))


FAULTY = replace(PROVENANCE, format=FormatOrigin("faulty", "faulty-formats 3"))
MISTAKES: dict[str, Callable[[Path], object]] = {
    "unnamed": lambda folder: (folder / "sub/index.txt").touch(),
    "strange": lambda folder: (folder / "sub/ä.txt").touch(),
    "link": lambda folder: (folder / "sub/link.txt").symlink_to("/etc/hostname"),
    "folder-link": lambda folder: (folder / "linked").symlink_to("sub"),
    "hard-link": lambda folder: (folder / "sub/again.txt").hardlink_to(folder / "sub/train.txt"),
    "pipe": lambda folder: os.mkfifo(folder / "sub/pipe"),
    "card": lambda folder: (folder / "README.md").touch(),
    "summary": lambda folder: (folder / "Synthgen.json").touch(),
    "case": lambda folder: (folder / "sub/TRAIN.txt").touch(),
    "broken": lambda folder: dict[str, str]()["no such key"],
    "exits": lambda folder: sys.exit("bye"),
    "lost": lambda folder: (folder / "nowhere/x").touch(),
    "full": lambda folder: _refuse(28),
}
NAMES = {
    "strange": "sub/ä.txt", "link": "sub/link.txt", "hard-link": "sub/again.txt", "pipe": "sub/pipe",
    "card": "README.md", "summary": "Synthgen.json", "case": "sub/TRAIN.txt", "twice": "sub/train.txt",
}  # fmt: skip


class Faulty(FormatWriter):
    """Writes a file for each split, and makes one mistake."""

    def __init__(self, mistake: str) -> None:
        self.mistake = mistake

    def write(self, selection: Selection, images: SelectedImages, folder: Path) -> Manifest:
        rows: dict[str, Any] = Counter(split for split, _ in images.rows())
        (folder / "sub").mkdir()
        name = "../train.txt" if self.mistake == "unwritten" else "sub/train.txt"
        if self.mistake != "unwritten":
            (folder / name).write_text("images")
        MISTAKES.get(self.mistake, str)(folder)
        if self.mistake == "dropped":
            rows["train"] -= 1
        if self.mistake == "unread":
            next(images.rows())
        if self.mistake == "text-rows":
            rows["train"] = "8"
        if self.mistake == "nothing":
            return None  # type: ignore[return-value]
        files: dict[str, Any] = {"train": (name,), "test": name if self.mistake == "one-text" else ()}
        if self.mistake == "more":
            files["extra"] = ()
        others = [NAMES[self.mistake]] if self.mistake in NAMES else []
        pattern = "../*" if self.mistake == "pattern" else None
        splits = {split: WrittenSplit(rows.get(split, 0), of, 0, pattern) for split, of in files.items()}
        return Manifest({"train": 5} if self.mistake == "number" else splits, tuple(others))  # type: ignore[dict-item]


def make_faulty(tmp_path: Path, mistake: str) -> None:
    splits = {"train": 0.75, "test": 0.25}
    finalize(
        [write_shard(tmp_path, 0, per_class=4)], tmp_path / "dataset", name="x", classes=CLASSES, splits=splits,
        provenance=FAULTY, writer=Faulty(mistake),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        ("unnamed", "it did not name sub/index.txt, which it wrote"),
        ("unwritten", r"it did not write \.\./train\.txt"),
        ("strange", "'sub/ä.txt' is not a name that files of a run may have"),
        ("dropped", "it wrote 8 of the 9 images of train"),
        ("unread", "it read "),
        ("more", "it wrote the split 'extra', which the dataset does not have"),
        ("link", "sub/link.txt is a link to /etc/hostname"),
        ("folder-link", "linked is a link to sub"),
        ("hard-link", "sub/again.txt is a link to a file that has another name, too"),
        ("pipe", "sub/pipe is not a plain file"),
        ("card", "it wrote README.md, and synthgen itself writes README.md"),
        ("summary", "it wrote Synthgen.json, and synthgen itself writes synthgen.json"),
        ("case", "the names sub/train.txt and sub/TRAIN.txt differ only in upper and lower case"),
        ("twice", "it names sub/train.txt twice"),
        ("nothing", "`write` must return a Manifest, and returned NoneType"),
        ("number", "`splits` must map names to WrittenSplit, found {'train': 5}"),
        ("text-rows", "`rows` of train must be an integer of at least 0, found '8'"),
        ("one-text", "`files` of test must be a tuple of texts, found 'sub/train.txt'"),
        ("pattern", r"`pattern` of train must be a glob .* found '\.\./\*'"),
        ("broken", "it failed: KeyError: 'no such key'"),
        ("exits", "it failed: SystemExit: bye"),
        ("lost", "it failed: FileNotFoundError: "),
    ],
)
def test_a_format_that_does_not_do_what_it_says_is_refused(tmp_path: Path, mistake: str, message: str) -> None:
    (tmp_path / "dataset").mkdir()
    (tmp_path / "dataset/synthgen.json").write_text("the old one")
    with pytest.raises(UsageError, match=rf"the format faulty \(faulty-formats 3\) is at fault: {message}") as raised:
        make_faulty(tmp_path, mistake)
    assert "the authors of faulty-formats" in str(raised.value.hint)
    assert (tmp_path / "dataset/synthgen.json").read_text() == "the old one"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_disk_that_is_full_is_not_the_fault_of_the_format(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"faulty \(faulty-formats 3\) cannot write .*: No space left") as raised:
        make_faulty(tmp_path, "full")
    assert "Make room" in str(raised.value.hint)
    assert not (tmp_path / "dataset").exists()

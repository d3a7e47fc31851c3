"""Names of files and folders made of hostile texts: different, sorted, and such that every disk holds them."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.dataset.formats.names import class_folders, file_stem
from synthgen.store.layout import is_file_name
from tests.dataset.hostile import NAMES

WINDOWS = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)
TEXTS = st.text(max_size=400) | st.sampled_from(NAMES)


def usable(name: str) -> bool:
    return is_file_name(name) and len(name) < 100 and not WINDOWS.fullmatch(name) and not name.endswith((".", " "))


@settings(max_examples=40)
@given(st.lists(TEXTS, unique=True, min_size=1))
def test_different_texts_have_different_files_that_every_disk_holds(texts: list[str]) -> None:
    stems = [file_stem(text) for text in texts]
    assert len({stem.casefold() for stem in stems}) == len(texts)
    assert all(map(usable, stems))


@given(TEXTS)
def test_no_text_takes_the_file_of_another(text: str) -> None:
    made = file_stem(text)
    assert made == text or file_stem(made) != made


@settings(max_examples=40)
@given(st.lists(TEXTS.filter(bool), unique=True, min_size=1))
def test_folders_of_classes_sort_as_their_labels_do(classes: list[str]) -> None:
    folders = class_folders(classes)
    assert [*folders] == sorted(folders)
    assert len({folder.casefold() for folder in folders}) == len(classes)
    assert all(map(usable, folders))


@pytest.mark.parametrize(
    ("classes", "folders"),
    {
        ("chef", "doctor"): ("chef", "doctor"),
        ("doctor", "chef"): ("0-doctor", "1-chef"),
        ("Chef", "chef"): ("0-Chef", "1-chef"),
        ("chef", "nul"): ("0-chef", "1-nul"),
        ("chef", "test"): ("0-chef", "1-test"),
        ("été", "日本"): ("0-ete", "1"),
    }.items(),
)
def test_folders_are_called_like_their_classes_where_they_can(
    classes: tuple[str, ...], folders: tuple[str, ...]
) -> None:
    assert class_folders(classes) == folders
    assert class_folders([f"c{number:02d}" for number in range(11)])[10] == "c10"
    assert class_folders([f"c {number}" for number in range(11)])[1] == "01-c-1"

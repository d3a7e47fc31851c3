"""Names that are not UTF-8: refused by name, and never a traceback."""

from pathlib import Path

import pandas as pd
import pytest

from synthgen.errors import UsageError
from synthgen.sets import open_set, read_frame
from tests.command import call, said
from tests.sets.test_archives import PICTURE

ODD = ["d\udce9", "\ud800", "\udcff\udcfe"]
"""As Python reads the bytes of a file name, and as JSON may escape half of a character."""


def folder(place: Path, *names: str) -> Path:
    for name in names:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(PICTURE)
    return place


@pytest.mark.parametrize("name", ["d\udce9/0.png", "chef/\udce9.png"])
def test_a_class_folder_or_an_image_whose_name_is_not_utf8_is_named(name: str, tmp_path: Path) -> None:
    found = open_set(folder(tmp_path / "set", "doctor/0.png", name))
    with pytest.raises(UsageError, match=r"column '(label|path)': .*\\udce9.* is not a text in UTF-8"):
        read_frame(found)


@pytest.mark.parametrize("label", ODD)
def test_a_label_that_is_not_a_text_is_named(label: str) -> None:
    found = open_set(pd.DataFrame({"label": ["a", label], "skin": ["light", "dark"]}, dtype="object"))
    with pytest.raises(UsageError, match=r"'label'.* is not a text in UTF-8"):
        read_frame(found, known={"skin": "skin"})


def test_the_command_names_it(tmp_path: Path) -> None:
    place = folder(tmp_path / "set", "doctor/0.png", "d\udce9/0.png")
    (tmp_path / "attr.yaml").write_text("attributes:\n  hair: {values: {short: [short hair], long: [long hair]}}\n")
    done = call("audit", place, "--attributes", "attr.yaml", "--judge", "bundled:judge", folder=tmp_path)
    assert done.returncode == 2, done.stderr
    assert "is not a text in UTF-8" in said(done.stderr)
    assert "Traceback" not in done.stderr

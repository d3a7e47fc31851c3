"""Which attribute a file of a confusion matrix belongs to."""

from pathlib import Path
from typing import Any

import pytest

from synthgen.auditing.confusion_file import name_confusions
from synthgen.errors import UsageError

GIVEN: dict[str, tuple[Any, list[str], dict[str, Path]]] = {
    "a file alone": (["m.csv"], ["skin"], {"skin": Path("m.csv")}),
    "a name": (["skin=m.csv"], ["skin", "hair"], {"skin": Path("m.csv")}),
    "two names": (["skin=a.csv", "hair=b.csv"], ["skin", "hair"], {"skin": Path("a.csv"), "hair": Path("b.csv")}),
    "an equals sign in a folder": (["run=3/matrix.csv"], ["skin"], {"skin": Path("run=3/matrix.csv")}),
    "an equals sign in both": (["skin=run=3/m.csv"], ["skin"], {"skin": Path("run=3/m.csv")}),
    "a mapping": ({"skin": Path("a=b.csv")}, ["skin", "hair"], {"skin": Path("a=b.csv")}),
    "a path alone": ({"": Path("m.csv")}, ["skin"], {"skin": Path("m.csv")}),
}


@pytest.mark.parametrize(("given", "attributes", "expected"), GIVEN.values(), ids=GIVEN)
def test_a_file_is_found_its_attribute(
    given: Any, attributes: list[str], expected: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run=3").mkdir()
    (tmp_path / "run=3" / "matrix.csv").touch()
    assert name_confusions(given, attributes) == expected


MISTAKES: dict[str, tuple[Any, list[str], str]] = {
    "two files alone": (["a.csv", "b.csv"], ["skin"], "'skin' has two files: a.csv and b.csv"),
    "the same name twice": (["skin=a.csv", "skin=b.csv"], ["skin", "hair"], "'skin' has two files"),
    "a name, and a file alone": (["skin=a.csv", "b.csv"], ["skin"], "'skin' has two files"),
    "a mapping and a file alone": ({"skin": Path("a.csv"), "": Path("b.csv")}, ["skin"], "'skin' has two files"),
    "a file alone for two attributes": (["a.csv"], ["skin", "hair"], "a.csv: which attribute is it for"),
    "another name": (["eyes=a.csv"], ["skin"], "there is no attribute 'eyes'"),
}


@pytest.mark.parametrize(("given", "attributes", "message"), MISTAKES.values(), ids=MISTAKES)
def test_what_is_unclear_is_refused(given: Any, attributes: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=f"^confusions: {message}") as caught:
        name_confusions(given, attributes)
    assert caught.value.exit_code == 2

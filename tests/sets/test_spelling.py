"""Two names of classes that look alike are refused, whatever kind of set they are in."""

from pathlib import Path

import pandas as pd
import pytest
from datasets import ClassLabel, Dataset, Features

import synthgen
from synthgen.errors import UsageError
from synthgen.sets import open_set, read_frame
from synthgen.spec import alike, difference

NFC, NFD = "m\u00e9decin", "me\u0301decin"
PAIRS = {
    "case": (("doctor", "Doctor"), "only in case"),
    "sharp s": (("Gro\u00dfe", "GROSSE"), "only in case"),
    "accents": ((NFC, NFD), "only in the form of their accents"),
    "both": ((NFC, NFD.upper()), "only in case and accents"),
    "zero width": (("doctor", "doc\u200btor"), "characters that cannot be seen"),
    "soft hyphen": (("doctor", "doc\u00adtor"), "characters that cannot be seen"),
    "turned": (("doctor", "\u202edoctor"), "characters that cannot be seen"),
    "NUL": (("doctor", "doctor\x00"), "characters that cannot be seen"),
    "no-break space": (("head chef", "head\u00a0chef"), "only in blanks"),
    "two blanks": (("head chef", "head  chef"), "only in blanks"),
}


@pytest.mark.parametrize(("pair", "how"), PAIRS.values(), ids=PAIRS)
def test_names_that_look_alike_are_refused_with_both_places(pair: tuple[str, str], how: str) -> None:
    frame = pd.DataFrame({"label": ["nurse", pair[0], "nurse", pair[1]], "id": ["a", "b", "c", "d"]})
    with pytest.raises(UsageError, match=r"\(image b\) and .*\(image d\) in 'label'") as caught:
        read_frame(open_set(frame))
    assert how in str(caught.value)


def csv(folder: Path) -> Path:
    (folder / "set.csv").write_text(f"label\n{NFC}\n{NFD}\n", "utf-8")
    return folder / "set.csv"


def folders(folder: Path) -> Path:
    for name in (NFC, NFD):
        (folder / "set" / name).mkdir(parents=True)
        (folder / "set" / name / "0.png").touch()
    return folder / "set"


def parquet(folder: Path) -> Path:
    pd.DataFrame({"label": [NFC, NFD]}).to_parquet(folder / "set.parquet")
    return folder / "set.parquet"


def saved(folder: Path) -> Path:
    features = Features({"label": ClassLabel(names=[NFC, NFD])})
    Dataset.from_dict({"label": [0, 1]}, features=features).save_to_disk(str(folder / "set"))
    return folder / "set"


@pytest.mark.parametrize("make", [csv, folders, parquet, saved])
def test_every_kind_of_set_is_checked(make: object, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the form of their accents"):
        read_frame(open_set(make(tmp_path)))  # type: ignore[operator]


@pytest.mark.parametrize("names", [("resume", "r\u00e9sum\u00e9"), ("a", "b"), ("1", "01"), ("\u0131", "i")])
def test_names_that_can_be_told_apart_are_two_classes(names: tuple[str, str]) -> None:
    assert alike(names) is None
    assert alike((*names, names[0])) is None


def test_the_difference_is_named() -> None:
    for (first, second), how in PAIRS.values():
        assert how in difference(first, second)


def two(skin: tuple[str, str], label: tuple[str, str] = ("chef", "doctor")) -> pd.DataFrame:
    return pd.DataFrame({"label": [*label] * 20, "skin": [skin[0], skin[1], skin[1], skin[0]] * 10})


def test_values_of_a_column_that_look_alike_are_refused() -> None:
    with pytest.raises(UsageError, match=r"'fonc\\xe9'.*") as caught:
        synthgen.audit(two(("fonc\u00e9", "fonce\u0301")), known={"skin": "skin"})
    assert "the form of their accents" in str(caught.value.hint)


@pytest.mark.parametrize("role", ["reference", "compare"])
def test_two_sets_that_write_a_class_differently_are_refused(role: str) -> None:
    other = two(("light", "dark"), ("Chef", "doctor"))
    with pytest.raises(UsageError, match=r"the classes 'chef' in .* and 'Chef' in .* only in case"):
        synthgen.audit(two(("light", "dark")), known={"skin": "skin"}, **{role: other})  # type: ignore[arg-type]

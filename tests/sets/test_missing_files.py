"""A list whose images are not there: told, also where the audit needs none of them."""

from pathlib import Path

import pytest

import synthgen
from synthgen.errors import UsageError
from tests.auditing.portraits import portrait
from tests.command import call


@pytest.mark.parametrize(("there", "note"), [(0, "4 of 4 image files do not exist"), (3, "1 of 4 image"), (4, None)])
def test_files_that_do_not_exist_are_counted(tmp_path: Path, there: int, note: str | None) -> None:
    names = ["a.png", "b.png", "c.png", "d.png"]
    for name in names[:there]:
        (tmp_path / name).write_bytes(b"not looked into")
    rows = [f"{name},cat,{skin}" for name, skin in zip(names, ["light", "dark"] * 2, strict=True)]
    (tmp_path / "list.csv").write_text("path,label,skin\n" + "\n".join(rows) + "\n")
    found = synthgen.audit(tmp_path / "list.csv", known={"skin": "skin"})
    told = [each for each in found.notes if "do not exist" in each]
    assert len(told) == (note is not None)
    if note is not None:
        assert note in told[0]
        assert f"the first is {names[there]}" in told[0]


def of_windows(folder: Path, good: int = 0) -> Path:
    """A list of four images, the first of which have paths as they are here."""
    rows = ["path,label,skin"]
    for number, kind in enumerate(["cat", "dog"] * 2):
        (folder / "train" / kind).mkdir(parents=True, exist_ok=True)
        (folder / "train" / kind / f"{number}.png").write_bytes(portrait("chef", "light", number))
        rows.append(("/" if number < good else "\\").join(("train", kind, f"{number}.png")) + f",{kind},{number // 2}")
    (folder / "list.csv").write_text("\n".join(rows) + "\n")
    return folder / "list.csv"


def test_paths_of_windows_are_told_once_and_with_what_to_write(tmp_path: Path) -> None:
    found = synthgen.audit(of_windows(tmp_path), known={"skin": "skin"})
    (told,) = [note for note in found.notes if ".png" in note]
    assert "4 of 4 image files do not exist" in told
    assert "backslashes of Windows: write / instead" in told

    some = synthgen.audit(of_windows(tmp_path, good=3))
    (told,) = [note for note in some.notes if ".png" in note]
    assert "backslashes of Windows (write / instead)" in told
    assert some.outcome == "fail"

    with pytest.raises(UsageError, match="4 whose path has the backslashes of Windows") as refused:
        synthgen.audit(of_windows(tmp_path))
    assert "/" in (refused.value.hint or "")


def test_files_that_were_opened_in_vain_are_told_once(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("path,label\na.png,cat\nb.png,dog\n")
    found = synthgen.audit(tmp_path / "list.csv")
    assert len([note for note in found.notes if "a.png" in note]) == 1
    done = call("audit", "list.csv", "-o", "out", folder=tmp_path)
    assert (done.returncode, "none of the set's 2 images could be used" in done.stderr) == (4, True)
    assert "has no images" not in done.stdout

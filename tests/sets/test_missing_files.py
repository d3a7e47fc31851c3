"""A list whose images are not there: told, also where the audit needs none of them."""

from pathlib import Path

import pytest

import synthgen


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

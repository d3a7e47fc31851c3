"""What of one split is in another, or in both sets, once they are joined."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

import synthgen
from synthgen.errors import UsageError
from tests.command import command_line, envelope


def test_what_would_leak_is_told(
    real: Path, synthetic: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = pq.ParquetDataset(synthetic / "data").read().to_pandas()[["id", "image", "class", "seed"]]
    names = [path.relative_to(real).as_posix() for path in sorted(real.rglob("test/*/*.png"))]
    frame["source_id"] = [names[0], "train/chef/1.png", *[None] * 28]
    frame.at[5, "image"] = {"bytes": (real / names[1]).read_bytes(), "path": None}
    frame.to_parquet(tmp_path / "made.parquet")
    arguments = ["join", str(real), str(tmp_path / "made.parquet"), "-o", str(tmp_path / "joined")]
    assert command_line([*arguments, "--synthetic-label", "class", "--json"]) == 0
    found = envelope(capsys.readouterr().out)
    ids = [f"synthetic/{frame['id'][row]}" for row in (0, 5)]
    assert {(leak["synthetic"], leak["how"], leak["real"]) for leak in found["result"]["leaks"]} == {
        (ids[0], "was made from", f"real/{names[0]}"),
        (ids[1], "is a copy of", f"real/{names[1]}"),
    }
    assert "what is in another split leaks" in found["warnings"][0]
    assert "2 images show" in (tmp_path / "joined/README.md").read_text()


def test_swapped_sets_are_refused_and_a_set_that_is_there_already_is_told(
    real: Path, synthetic: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    synthgen.export(synthetic, "imagefolder", tmp_path / "folder")
    for swapped in (synthetic, tmp_path / "folder"):
        with pytest.raises(UsageError, match="is made of images that synthgen generated") as refused:
            synthgen.join(swapped, real, tmp_path / "joined")
        assert "swap them" in (refused.value.hint or "")
    assert synthgen.join(real, synthetic, tmp_path / "once").copies == 0
    arguments = ["join", str(tmp_path / "once"), str(synthetic), "-o", str(tmp_path / "twice"), "--json"]
    assert command_line(arguments) == 0
    found = envelope(capsys.readouterr().out)
    assert found["result"]["copies"] == 30
    assert any("30 synthetic images are in the real set already" in each for each in found["warnings"])
    assert (
        "30 synthetic images are, byte for byte, in the real set already" in (tmp_path / "twice/README.md").read_text()
    )
    assert "byte for byte, in the real set already" not in (tmp_path / "once/README.md").read_text()

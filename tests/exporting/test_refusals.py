"""What cannot be exported."""

import io
import shutil
from pathlib import Path

import pytest
from PIL import Image

import synthgen
from synthgen.errors import StorageError, UsageError
from synthgen.store import FolderStore
from tests.command import command_line
from tests.exporting.sets import PLAN, content, painted
from tests.running.noise import SPEC


def refused(capsys: pytest.CaptureFixture[str], code: int, *arguments: object) -> str:
    assert command_line(["export", *map(str, arguments)]) == code
    return capsys.readouterr().err


def test_what_cannot_work_is_refused_before_work(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    to = ("--to", "parquet", "-o")
    assert "Did you mean 'parquet'?" in refused(capsys, 2, finished, "--to", "parqet", "-o", out)
    assert "--quality" in (said := refused(capsys, 2, finished, *to, out, "--image", "png", "--quality", 9))
    assert "PNG keeps every pixel" in said
    assert "--label" in refused(capsys, 2, finished, *to, out, "--label", "kind")
    assert "in the folder of a run" in refused(capsys, 2, finished, *to, finished / "dataset")
    assert "in the folder of a run" in refused(capsys, 2, finished, *to, finished / "dataset/data/more")
    assert "it is a run, with files of its own" in refused(capsys, 5, finished / "dataset", *to, finished)
    pets = painted(tmp_path / "pets")
    assert "one in the other" in refused(capsys, 2, pets, *to, pets / "copy")
    assert "not to addresses" in refused(capsys, 2, finished, *to, "s3://bucket/prefix")
    assert "no such file" in refused(capsys, 2, tmp_path / "nothing", *to, out)

    plain = tmp_path / "plain"
    plain.mkdir()
    Image.new("RGB", (4, 4)).save(plain / "1.png")
    (plain / "metadata.csv").write_text("file_name,size\n1.png,3\n")
    assert "no column that looks like labels" in refused(capsys, 2, plain, *to, out)
    (plain / "metadata.csv").write_text("file_name,kind\n1.png,dog\n")
    assert refused(capsys, 2, plain, *to, out, "--label", "nope").splitlines()[0].count("the image folder") == 1

    broken = painted(tmp_path / "broken")
    noise = io.BytesIO()
    Image.effect_noise((64, 64), 50).save(noise, "PNG")
    cut = noise.getvalue()[:2000]
    for data in (b"no picture", b"\x89PNG\r\n\x1a\n" + b"it only begins like one", cut):
        (broken / "train/dog/1.jpg").write_bytes(data)
        assert "train/dog/1.jpg cannot be opened" in refused(capsys, 2, broken, *to, out)
    assert not out.exists()

    out.mkdir()
    (out / "thesis.txt").write_text("ten years of work")
    assert "in the way" in refused(capsys, 5, finished, *to, out)
    assert content(out) == {"thesis.txt": b"ten years of work"}

    monkeypatch.setattr(shutil, "disk_usage", lambda place: shutil._ntuple_diskusage(10, 9, 1))
    for source in (finished, finished / "dataset"):
        assert "Make room" in refused(capsys, 5, source, *to, tmp_path / "full")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken", "out", "pets", "plain"]


def test_a_run_that_is_not_finished_is_refused(tmp_path: Path) -> None:
    from synthgen.running import create_run

    create_run(FolderStore(tmp_path / "run"), PLAN, SPEC)
    with pytest.raises(UsageError, match="not committed yet"):
        synthgen.export(tmp_path / "run", "parquet", tmp_path / "out")


def test_a_damaged_dataset_is_not_exported(finished: Path, tmp_path: Path) -> None:
    dataset = shutil.copytree(finished / "dataset", tmp_path / "dataset")
    file = next(dataset.rglob("*.parquet"))
    data = bytearray(file.read_bytes())
    data[data.find(b"IDAT") + 6] ^= 1
    file.write_bytes(data)
    with pytest.raises(StorageError, match="is damaged"):
        synthgen.export(dataset, "webdataset", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_dataset_that_lacks_a_file_is_neither_exported_nor_joined(finished: Path, tmp_path: Path) -> None:
    dataset = shutil.copytree(finished / "dataset", tmp_path / "dataset")
    (dataset / "provenance.json").unlink()
    with pytest.raises(StorageError, match=r"provenance\.json is missing"):
        synthgen.export(dataset, "parquet", tmp_path / "out")
    with pytest.raises(StorageError, match=r"provenance\.json is missing"):
        synthgen.join(finished, dataset, tmp_path / "joined")

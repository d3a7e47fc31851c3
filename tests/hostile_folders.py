"""Sets that somebody hostile hands over, each of which reaches for what is not its own. Runs and models are beside."""

import io
import json
import os
import pickle
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

OUTSIDE = "outside"
"""The folder of the user's own files, beside what is handed over."""
ADDRESS = "http://127.0.0.1:9/meta"
EVIL = "a\x1b]0;owned\x07\x1b[31mb\u202ec\u009b2Jd"
"""A text that would command a terminal."""


def picture(shade: int) -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((16, 16), 40 + shade).convert("RGB").save(buffer, "PNG")
    return buffer.getvalue()


def users_files(home: Path) -> None:
    """What is the user's own, and what is still the same in the end."""
    (home / OUTSIDE).mkdir()
    (home / OUTSIDE / "private.png").write_bytes(picture(50))
    (home / OUTSIDE / "private.txt").write_text("private")
    pq.write_table(
        pa.table({"image": [{"bytes": picture(51), "path": "p"}], "label": ["a"]}), home / OUTSIDE / "p.parquet"
    )


def parquet(folder: Path, path: str | None) -> None:
    folder.mkdir()
    rows = [
        {"image": {"bytes": picture(i), "path": f"{i}.png"}, "label": "ab"[i % 2], "tone": "xy"[i % 3 % 2]}
        for i in range(8)
    ]
    rows += [{"image": {"bytes": None, "path": path}, "label": "a", "tone": "x"} for _ in range(1)]
    pq.write_table(pa.Table.from_pylist(rows), folder / "train.parquet")


def image_folder(folder: Path) -> None:
    for i in range(8):
        file = folder / "ab"[i % 2] / f"{i}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(picture(i))


def listed(folder: Path, path: str) -> None:
    image_folder(folder)
    rows = [f"{'ab'[i % 2]}/{i}.png,{'ab'[i % 2]},{'xy'[i % 3 % 2]}" for i in range(8)]
    (folder / "list.csv").write_text("path,label,tone\n" + "\n".join([*rows, f"{path},a,x"]) + "\n")


def with_metadata(folder: Path, path: str) -> None:
    image_folder(folder)
    rows = [{"file_name": f"{'ab'[i % 2]}/{i}.png", "label": "ab"[i % 2], "tone": "x"} for i in range(8)]
    rows.append({"file_name": path, "label": "a", "tone": "x"})
    (folder / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))


def saved(folder: Path, change: Callable[[dict[str, Any]], object], file: str = "state.json") -> None:
    from datasets import Dataset

    Dataset.from_dict({"label": ["a", "b"] * 4, "tone": ["x", "y", "x", "x"] * 2}).save_to_disk(str(folder))
    content = json.loads((folder / file).read_text())
    change(content)
    (folder / file).write_text(json.dumps(content))


def tar(folder: Path) -> None:
    folder.mkdir()
    with tarfile.open(folder / "train.tar", "w") as shard:
        for i in range(6):
            for ending, data in (("png", picture(i)), ("cls", b"01"[i % 2 :][:1]), ("json", b'{"tone": "x"}')):
                info = tarfile.TarInfo(f"{i}.{ending}")
                info.size = len(data)
                shard.addfile(info, io.BytesIO(data))
        for name, target in (("../../escaped.png", ""), ("7.png", f"../{OUTSIDE}/private.png")):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = (tarfile.SYMTYPE, target) if target else (tarfile.REGTYPE, "")
            shard.addfile(info)
        pickled = tarfile.TarInfo("8.pickle")
        pickled.size = len(bomb("PWNED"))
        shard.addfile(pickled, io.BytesIO(bomb("PWNED")))


def zipped(folder: Path) -> None:
    folder.mkdir()
    with zipfile.ZipFile(folder / "set.zip", "w") as archive:
        for i in range(8):
            archive.writestr(f"{'ab'[i % 2]}/{i}.png", picture(i))
        archive.writestr("a/../../../escaped.png", picture(9))
        link = zipfile.ZipInfo("a/link.png")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, f"../../{OUTSIDE}/private.png")


def coco(folder: Path, path: str) -> None:
    image_folder(folder)
    images = [{"id": i, "file_name": f"{'ab'[i % 2]}/{i}.png"} for i in range(8)] + [{"id": 9, "file_name": path}]
    boxes = [{"id": i, "image_id": one["id"], "category_id": i % 2} for i, one in enumerate(images)]
    content = {"images": images, "annotations": boxes, "categories": [{"id": i, "name": "ab"[i]} for i in (0, 1)]}
    (folder / "_annotations.coco.json").write_text(json.dumps(content))


def scripted(folder: Path) -> None:
    image_folder(folder)
    code = f"open({str(folder.parent / 'PWNED')!r}, 'w')\n"
    for name in (f"{folder.name}.py", "dataset.py", "conftest.py", "sitecustomize.py", "a/__init__.py"):
        (folder / name).write_text(code)


class _Bomb:
    def __init__(self, mark: str) -> None:
        self._mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (self._mark, "w")


def bomb(mark: str) -> bytes:
    """A pickle that writes a file when it is loaded."""
    return pickle.dumps(_Bomb(mark))


def linked_folder(folder: Path) -> None:
    image_folder(folder)
    (folder / "a/stolen.png").symlink_to(folder.parent / OUTSIDE / "private.png")
    (folder / "c").symlink_to(folder.parent / OUTSIDE)
    os.mkfifo(folder / "b/pipe.png")


def linked_table(folder: Path) -> None:
    folder.mkdir()
    (folder / "train.parquet").symlink_to(folder.parent / OUTSIDE / "p.parquet")


def piped(folder: Path, name: str) -> None:
    image_folder(folder)
    os.mkfifo(folder / name)


PRIVATE = f"../{OUTSIDE}/private.png"
SETS: Mapping[str, Callable[[Path], object]] = {
    "parquet, a file outside": lambda folder: parquet(folder, PRIVATE),
    "parquet, an absolute path": lambda folder: parquet(folder, str(folder.parent / OUTSIDE / "private.png")),
    "parquet, an address": lambda folder: parquet(folder, ADDRESS),
    "parquet, an address in an address": lambda folder: parquet(folder, f"zip://x::{ADDRESS}"),
    "parquet, a device": lambda folder: parquet(folder, "/dev/zero"),
    "parquet, a link": linked_table,
    "a list, a file outside": lambda folder: listed(folder, PRIVATE),
    "a list, an address": lambda folder: listed(folder, ADDRESS),
    "metadata, a file outside": lambda folder: with_metadata(folder, PRIVATE),
    "metadata, a pipe": lambda folder: piped(folder, "metadata.jsonl"),
    "links in a folder": linked_folder,
    "scripts in a folder": scripted,
    "saved, data outside": lambda folder: saved(
        folder, lambda state: state.update(_data_files=[{"filename": f"../{OUTSIDE}/p.parquet"}])
    ),
    "saved, an address": lambda folder: saved(folder, lambda state: state.update(_data_files=[{"filename": ADDRESS}])),
    "saved, a hostile format": lambda folder: saved(
        folder, lambda state: state.update(_format_type="custom", _format_kwargs={"transform": "os.system"})
    ),
    "saved, a hostile type": lambda folder: saved(
        folder, lambda info: info["features"].update(x={"_type": "os.system", "a": "touch"}), "dataset_info.json"
    ),
    "a tar": tar,
    "a zip": zipped,
    "coco, a file outside": lambda folder: coco(folder, PRIVATE),
    "coco, a pipe": lambda folder: piped(folder, "_annotations.coco.json"),
}  # fmt: skip

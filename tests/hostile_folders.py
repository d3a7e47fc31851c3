"""Folders that somebody hostile hands over: sets, runs and models, each of which reaches for what is not its own."""

import io
import json
import os
import pickle
import shutil
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

import synthgen
from synthgen.planning import Plan
from synthgen.seal import seal, unseal
from synthgen.store import FolderStore
from tests.generating.tiny import save_stable_diffusion
from tests.handed_over import forged, spec
from tests.judging.hostile import ASKS, Ask, spoil
from tests.judging.tiny_asked import edit

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


# Sets.


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


# Runs.


def handed(home: Path, plan: Plan | None = None) -> Path:
    return forged(home / "run", plan or synthgen.plan(spec("judge.id=bundled:judge")))


def resealed(path: Path, **changes: object) -> None:
    content, _ = unseal(path.read_text())
    path.write_text(seal(json.dumps({**content, **changes}, indent=2)))


def linked(name: str) -> Callable[[Path], object]:
    """A part of the run is a link to the user's own."""

    def make(run: Path) -> None:
        target = run.parent / OUTSIDE / ("private.txt" if "." in name else "folder")
        if "." not in name:
            target.mkdir()
            (target / "mine.txt").write_text("mine")
        if (run / name).is_dir():
            shutil.rmtree(run / name)
        elif (run / name).exists():
            (run / name).unlink()
        (run / name).symlink_to(target)

    return make


def drafts(run: Path) -> None:
    """Links under every name that an earlier version would have written to."""
    for pid in range(max(os.getpid() - 3, 1), os.getpid() + 40):
        (run / f".report.html.{pid}").symlink_to(run.parent / OUTSIDE / "private.txt")
    (run / "report.html").unlink()


def outside_marker(run: Path) -> None:
    marker = run / "done/00000.json"
    content, _ = unseal(marker.read_text())
    resealed(marker, images={**content["images"], "name": f"../{OUTSIDE}/p.parquet"})


def pictures_by_path(run: Path) -> None:
    """Rows without pixels, which name a file of the user's own; the marker fits."""
    [path] = (run / "shards").glob("00000-*")
    rows = pq.read_table(path).to_pylist()
    for row in rows:
        row["image"] = {"bytes": None, "path": str(run.parent / OUTSIDE / "private.png")}
    pq.write_table(pa.Table.from_pylist(rows), path)
    described = FolderStore(run).describe(f"shards/{path.name}")
    resealed(
        run / "done/00000.json", images={"name": described.name, "size": described.size, "sha256": described.sha256}
    )


def mess(run: Path) -> None:
    """A journal, a failure and a change that are pipes or no such thing."""
    for folder in ("journal", "failed", "changes"):
        (run / folder).mkdir(exist_ok=True)
    os.mkfifo(run / "failed/00000-0123456789abcdef.json")
    (run / "failed/00001-0123456789abcdef.json").write_text("[" * 100_000)
    (run / "journal/00000-0123456789abcdef.parquet").symlink_to(run.parent / OUTSIDE / "p.parquet")
    (run / "changes/00001.json").symlink_to(run.parent / OUTSIDE / "private.txt")


def pipe(name: str) -> Callable[[Path], object]:
    def make(run: Path) -> None:
        (run / name).unlink()
        os.mkfifo(run / name)

    return make


RUNS: Mapping[str, Callable[[Path], object]] = {
    "links for drafts": drafts,
    "report.html is a link": linked("report.html"),
    "results.json is a link": linked("results.json"),
    "spec.yaml is a link": linked("spec.yaml"),
    "audit is a link": linked("audit"),
    "dataset is a link": linked("dataset"),
    "shards is a link": linked("shards"),
    "failed is a link": linked("failed"),
    "a marker leads outside": outside_marker,
    "pictures by path": pictures_by_path,
    "pipes and links beside": mess,
    "the summary is a pipe": pipe("dataset/synthgen.json"),
    "the plan's window is 0": lambda run: resealed(run / "plan.json", window=0),
    "the plan's revisions are lists": lambda run: resealed(run / "plan.json", revisions={"generator": [], "judge": {}}),
    "results.json names others' files": lambda run: resealed(
        run / "results.json", files={f"../{OUTSIDE}/private.txt": "0" * 64}
    ),
}


# Models.


def painter(home: Path) -> Path:
    save_stable_diffusion(home / "painter")
    (home / "painter/evil.py").write_text(f"open({str(home / 'PWNED')!r}, 'w')\n")
    return home / "painter"


def edited(file: str, **changes: object) -> Callable[[Path], object]:
    return lambda folder: edit(folder / file, **changes)


def added(file: str, content: object) -> Callable[[Path], object]:
    def make(folder: Path) -> None:
        (folder / file).write_text(json.dumps(content))

    return make


def pickled(file: str, weights: str) -> Callable[[Path], object]:
    """Its weights are a pickle that writes a file."""

    def make(folder: Path) -> None:
        (folder / weights).unlink()
        (folder / file).write_bytes(bomb(str(folder.parent / "PWNED")))

    return make


def fifo(file: str) -> Callable[[Path], object]:
    def make(folder: Path) -> None:
        (folder / file).unlink(missing_ok=True)
        os.mkfifo(folder / file)

    return make


def device(file: str) -> Callable[[Path], object]:
    def make(folder: Path) -> None:
        (folder / file).unlink()
        (folder / file).symlink_to("/dev/zero")

    return make


_AUTO = {"AutoConfig": "evil.Part", "AutoModel": "evil.Part", "AutoTokenizer": ["evil.Part", None]}
GENERATORS: Mapping[str, Callable[[Path], object]] = {
    "a pipeline of its own": edited("model_index.json", _class_name=["evil", "Part"]),
    "a part of its own": edited("model_index.json", unet=["evil", "Part"]),
    "a part of any module": edited("model_index.json", unet=["subprocess", "Popen"]),
    "a tokenizer with code": edited("tokenizer/tokenizer_config.json", auto_map=_AUTO, tokenizer_class="Part"),
    "an encoder with code": edited("text_encoder/config.json", model_type="evil", auto_map=_AUTO),
    "weights elsewhere": added("unet/a.safetensors.index.json", {"weight_map": {"x": "../../outside/p.safetensors"}}),
    "an index in depth": lambda folder: (folder / "unet/a.safetensors.index.json").write_text("[" * 100_000),
    "an adapter": added("unet/adapter_config.json", {"base_model_name_or_path": "owner/other"}),
    "a pickle": pickled("unet/diffusion_pytorch_model.bin", "unet/diffusion_pytorch_model.safetensors"),
    "a pipe": fifo("scheduler/scheduler_config.json"),
    "a device": device("unet/config.json"),
    "an index that is a pipe": fifo("model_index.json"),
    "an index that is a device": device("model_index.json"),
}  # fmt: skip


def _spoiled(ask: Ask, folder: Path) -> None:
    spoil(folder, ask, folder.parent / "PWNED")


JUDGES: Mapping[str, Callable[[Path], object]] = {
    **{name: partial(_spoiled, ask) for name, ask in ASKS.items()},
    "a pickle": pickled("open_clip_pytorch_model.bin", "open_clip_model.safetensors"),
    "a configuration that is a pipe": fifo("open_clip_config.json"),
    "a tokenizer that is a device": device("tokenizer_config.json"),
}  # fmt: skip
_CHAT = "{{ cycler.__init__.__globals__.os.system('touch PWNED') }}"
ASKED: Mapping[str, Callable[[Path], object]] = {
    "code of its own": edited("config.json", auto_map=_AUTO),
    "a processor with code": edited("processor_config.json", auto_map={"AutoProcessor": "evil.Part"}),
    "an image processor with code": added(
        "preprocessor_config.json", {"auto_map": {"AutoImageProcessor": "evil.Part"}, "image_processor_type": "Part"}
    ),
    "a tokenizer with code": edited("tokenizer_config.json", auto_map=_AUTO),
    "a chat template": lambda folder: (folder / "chat_template.jinja").write_text(_CHAT),
    "generation code": added("generation_config.json", {"custom_generate": "owner/code"}),
    "a kernel": edited("config.json", attn_implementation="owner/kernel"),
    "a backbone of the hub": edited("config.json", backbone="hf-hub:owner/code", use_timm_backbone=True),
    "weights elsewhere": added("model.safetensors.index.json", {"weight_map": {"a": f"../{OUTSIDE}/p.safetensors"}}),
    "a pickle": pickled("pytorch_model.bin", "model.safetensors"),
    "a pipe": fifo("config.json"),
    "a tokenizer that is a pipe": fifo("tokenizer.json"),
}  # fmt: skip

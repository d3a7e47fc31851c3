"""Runs of somebody else's that try to read, write or hang."""

import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

import synthgen
from synthgen.planning import Plan
from synthgen.seal import seal, unseal
from synthgen.store import FolderStore
from tests.handed_over import forged, spec
from tests.hostile_folders import OUTSIDE


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

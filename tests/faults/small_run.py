"""A small run of the bundled model, and what of it must come out the same whatever happened on the way."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from synthgen.store import layout
from tests.running.tables import read, without

SPEC = """\
synthgen: 1
name: disturbed
model: {id: "bundled:workers", steps: 4, guidance: 1, batch_size: 4, dtype: float32}
classes: {doctor: 4, chef: 3}
prompts: {templates: ["a {class}", "a portrait of a {class}"]}
filters: {clip: {min_score: -0.5}}
output: {shard_size: 3}
"""
_NAME = re.compile(r"-[0-9a-f]{16}\.parquet")


def seen(run: Path) -> dict[str, Any]:
    """Give all that a run holds, by file: bytes; or values, without what differs from run to run.

    The names of tables lose their random part. What `failed/` says of an earlier try is no part of it.
    """
    found: dict[str, Any] = {}
    for path in sorted(run.rglob("*")):
        name = path.relative_to(run).as_posix()
        if path.is_dir():
            if name.startswith(".") or "/." in name:
                found[f"{name}/"] = "left over"
            continue
        if name.startswith(f"{layout.FAILED}/"):
            continue
        plain = _NAME.sub(".parquet", name)
        assert plain not in found, f"two of {name}"
        found[plain] = _content(run, name)
    return found


def _content(run: Path, name: str) -> object:
    if name.startswith(f"{layout.LEDGER}/"):
        return str(without(read(str(run), name), "seconds"))
    if name.startswith(f"{layout.DONE}/"):
        marker = json.loads((run / name).read_bytes())
        return [marker[key] for key in ("shard", "fingerprint", "counts", "reasons", "shortfalls", "by_class")]
    if name == layout.RESULTS:
        return json.loads((run / name).read_bytes())["files"]
    return (run / name).read_bytes()


def differences(run: Path, whole: dict[str, Any]) -> list[str]:
    """Say what in a run is lost, left over, or not as in the undisturbed one."""
    return compared(seen(run), whole)


def compared(mine: dict[str, Any], whole: dict[str, Any]) -> list[str]:
    """As `differences`, of what was seen."""
    lost = [f"lost: {name}" for name in whole if name not in mine]
    more = [f"left over: {name}" for name in mine if name not in whole]
    return [*lost, *more, *(f"differs: {name}" for name in mine if name in whole and mine[name] != whole[name])]

"""Sets of the bundled world for benchmarks: renders as real images, specs of what is made, and rows of their tables."""

import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import typer
from PIL import Image

import synthgen
from synthgen.api.evaluation import Evaluation
from synthgen.bundled.world import OCCUPATIONS, SKINS
from synthgen.events import Event, StepProgress
from synthgen.stats.estimates import Estimate

WHO = "who"
"""The column of occupation and skin tone together."""
_HAIR = ["short black", "short brown", "short blond", "short red", "long black", "long brown", "long blond", "long red"]
_BACKGROUNDS = ["blue", "green", "pink", "yellow", "gray"]


def renders(folder: Path, count: int, seed: int, *, even: bool = False) -> Path:
    """Render a set, unless it is there."""
    if not folder.exists():
        synthgen.render(folder, count, seed=seed, even=even, on_progress=told)
    return folder


def part(
    source: Path,
    folder: Path,
    *,
    after: int = 0,
    each: int | Mapping[str, int] | None = None,
    most: int | None = None,
    change: Callable[[Image.Image], Image.Image] | None = None,
) -> Path:
    """Write a part of rendered images as a set with a column `who`, unless it is there.

    Args:
        after: so many images are left out first.
        each: images of a class, at most; or of each class by its name.
        most: images in all.
        change: what is done to each picture.
    """
    if (folder / "metadata.jsonl").exists():
        return folder
    (folder / "images").mkdir(parents=True, exist_ok=True)
    rows, found = list[dict[str, object]](), Counter[str]()
    for line in (source / "metadata.jsonl").read_text("utf-8").splitlines()[after:]:
        row = json.loads(line)
        limit = each.get(row["label"], 0) if isinstance(each, Mapping) else each
        if (limit is not None and found[row["label"]] >= limit) or (most is not None and len(rows) >= most):
            continue
        found[row["label"]] += 1
        rows.append({name: row[name] for name in ("file_name", "label", "skin_tone")})
        rows[-1][WHO] = f"{row['label']}, {row['skin_tone']}"
        with Image.open(source / row["file_name"]) as picture:
            (change(picture) if change is not None else picture).save(folder / row["file_name"])
    (folder / "metadata.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    return folder


def spec_of(name: str, each: int | Mapping[str, int], **more: object) -> dict[str, Any]:
    """A spec of portraits by the bundled model, with even skin tones in each class, as the judge sees them.

    Args:
        each: images of each class.
        more: sections that replace those here.
    """
    counts = dict.fromkeys(OCCUPATIONS, each) if isinstance(each, int) else dict(each)
    spec = {
        "synthgen": 1,
        "name": name,
        "model": {"id": "bundled:workers", "steps": 20, "guidance": 2.0},
        "classes": counts,
        "prompts": {
            "templates": {
                "a portrait of a {class} with {skin} skin and {hair} hair {glasses} on a {background} background": 2,
                "a picture of a {class} with {skin} skin": 1,
            },
            "variables": {
                "skin": list(SKINS),
                "hair": _HAIR,
                "glasses": {"wearing glasses": 1, "without glasses": 2},
                "background": _BACKGROUNDS,
            },
        },
        "attributes": {
            "skin_tone": {"values": {skin: [f"a person with {skin} skin"] for skin in SKINS}, "variable": "skin"}
        },
        "balance": [{"attribute": "skin_tone", "target": "uniform"}],
        "filters": {"label": {"min_posterior": 0.6, "none_of_these": ["a blurry picture", "a blank picture", "noise"]}},
        "output": {"rejects": {"keep": "images"}},
    }
    return {name: section for name, section in (spec | more).items() if section is not None}


def told(event: Event) -> None:
    """Tell progress on a line of stderr."""
    if isinstance(event, StepProgress):
        end = "\n" if event.done == event.total else ""
        print(f"\r{event.step}: {event.done:,} of {event.total:,} {event.unit} ", end=end, file=sys.stderr, flush=True)


def shown(value: Estimate | None, *, signed: bool = False) -> str:
    """Format a figure with its interval."""
    if value is None:
        return ""
    sign = "+" if signed else ""
    return f"{value.value:{sign}.3f} ({value.low:{sign}.3f} to {value.high:{sign}.3f})"


def table(lines: Iterable[tuple[str, ...]], head: tuple[str, ...]) -> None:
    """Print a table in Markdown."""
    print("| " + " | ".join(head) + " |")
    print("| --- |" + " ---: |" * (len(head) - 1))
    for line in lines:
        print("| " + " | ".join(line) + " |")
    print(flush=True)


def print_arms(found: Evaluation) -> None:
    """Print every arm of an evaluation."""
    rows = []
    for arm in found.findings.arms:
        scores, more = arm.scored.scores, arm.scored.difference
        more_right = (
            ("", "") if more is None else tuple(shown(each, signed=True) for each in (more.accuracy, more.worst_group))
        )
        rows.append(
            (
                arm.arm.name,
                f"{arm.images:,.0f}",
                shown(scores.accuracy),
                more_right[0],
                shown(scores.worst_group),
                more_right[1],
            )
        )
    table(rows, ("arm", "images", "accuracy", "more than real", "worst group", "more than real"))
    print(f"{found.verdict}: {found.findings.decided_by}; {found.findings.reason}\n")
    apart = dict(found.findings.rivals)
    if found.findings.filters.difference is not None:
        apart[found.findings.filters.arm or ""] = found.findings.filters.difference
    lines = [
        (name, shown(each.accuracy, signed=True), shown(each.worst_group, signed=True)) for name, each in apart.items()
    ]
    table(lines, (f"{found.findings.decided_by} has more than", "accuracy", "worst group"))


def home(folder: Path | None, name: str) -> Path:
    """Return the folder of a benchmark, under outputs/ by default."""
    found = folder if folder is not None else Path("outputs") / name
    os.makedirs(found, exist_ok=True)
    typer.echo(f"in {found}", err=True)
    return found

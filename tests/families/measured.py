"""Tables of docs/families.md from what the sweep measured: `python -m tests.families.page` writes them."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from synthgen.families.resolve import not_from_text
from synthgen.families.signature import auto_families, auto_names

DATA = Path(__file__).parents[2] / "docs" / "figures" / "families.json"
FURTHEST = 3
"""Grey levels of 255 between two images of one candidate: sums of another order are not equal to the last bit."""
OUTSIDE = (
    *("BriaPipeline", "BriaFiboPipeline", "BriaFibo2Pipeline", "DreamLitePipeline", "DreamLiteMobilePipeline"),
    *("ErnieImagePipeline", "HiDreamImagePipeline", "HunyuanImagePipeline", "Kandinsky5T2IPipeline"),
    *("LDMTextToImagePipeline", "LongCatImagePipeline", "OmniGenPipeline", "PRXPixelPipeline", "SanaSprintPipeline"),
)
"""Pipelines that make images from text, and that diffusers has in none of its own lists."""
_TWIN = "it changes images; its folder is drawn with as the pipeline that makes them with the same weights"
Facts = Mapping[str, Any]


@cache
def data() -> Facts:
    """Return what was measured."""
    found: Facts = json.loads(DATA.read_text(encoding="utf-8"))
    return found


def text_only() -> tuple[str, ...]:
    """Name the pipelines of diffusers' own list for text-to-image that need nothing but a text, or did once."""
    others = ("Control", "Helios")
    return tuple(name for name in auto_names("TEXT2IMAGE") if not any(word in name for word in others))


def measured_table() -> str:
    """Write a row for each small model that was driven."""
    rows = ["| small model | images | guidance | guidance 1 | negative prompt | size, steps | batches |"]
    rows += ["| --- | --- | --- | --- | --- | --- | --- |"]
    for name, facts in sorted(data()["families"].items()):
        if "fault" in facts:
            rows.append(f"| {name} | **failed** |  |  |  |  |  |")
            continue
        guidance, negative, wide = facts["guidance"], facts["negative"], facts["size and steps"]
        cells = [
            f"{facts['class'].removesuffix('Pipeline')} ({name})",
            f"{facts['images']}, {_equal(facts)}",
            _cell(guidance) + (f", `{guidance['key']}`" if "key" in guidance else ""),
            _cell(guidance.get("1") or guidance.get("usual") or {}),
            _cell(negative),
            f"{wide['size']}, {wide['steps']}: {_equal(wide)}",
            _batches(facts["batches"]),
        ]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def schedulers_table() -> str:
    """Write a row for each scheduler, and what came of it with each model."""
    models = {name: facts for name, facts in data()["schedulers"].items() if "fault" not in facts}
    heads = [f"{name} ({facts['own']})" for name, facts in models.items()]
    rows = [f"| scheduler | {' | '.join(heads)} |"]
    rows += ["| --- |" + " --- |" * len(models)]
    names = sorted({name for facts in models.values() for name in facts["schedulers"]})
    for name in names:
        cells = [_scheduled(facts["schedulers"].get(name)) for facts in models.values()]
        rows.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def reasons_table() -> str:
    """Write why the other names of diffusers' lists are not drawn with."""
    driven = {facts.get("class") for facts in data()["families"].values()}
    found: dict[str, list[str]] = {}
    for task in ("TEXT2IMAGE", "IMAGE2IMAGE", "INPAINT"):
        for name in auto_names(task):
            if name in driven:
                continue
            why = (
                _TWIN
                if twin_of(name)
                else not_from_text(name) or "it could not be measured: the images of its small model failed"
            )
            listed = found.setdefault(why, [])
            if name not in listed:
                listed.append(name)
    rows = ["| why | names |", "| --- | --- |"]
    rows += [
        f"| {why} | {', '.join(name.removesuffix('Pipeline') for name in names)} |"
        for why, names in sorted(found.items())
    ]
    return "\n".join(rows) + "\n"


def twin_of(name: str) -> str | None:
    """Return the pipeline that makes images from text with the weights of one that changes them."""
    key = next((key for key, one in auto_families("IMAGE2IMAGE").items() if one == name), None)
    found = auto_families("TEXT2IMAGE").get(key or "")
    return found if found and not_from_text(found) is None and not_from_text(name) else None


def _equal(facts: Facts) -> str:
    return "equal" if facts["direct"] <= FURTHEST else f"**{facts['direct']} apart**"


def _cell(facts: Facts) -> str:
    if not facts:
        return ""
    return f"refused: {_short(facts['refused'])}" if "refused" in facts else _equal(facts)


def _short(said: str) -> str:
    """Leave key and class out of what `plan` says, and what is behind the first reason."""
    said = re.sub(r"^model\.\w+: (this )?", "", said)
    said = re.sub(r"^\w*Pipeline ", "", said)
    return re.split(r": |, its|, and", said)[0]


def _batches(batches: Facts) -> str:
    if all(one["at once"] == 1 for one in batches.values()):
        return "one at a time"
    furthest = max(one["apart"] for one in batches.values())
    return "equal" if furthest <= FURTHEST else f"**{furthest} apart**"


def _scheduled(facts: Facts | None) -> str:
    if facts is None:
        return ""
    if "refused" in facts:
        return f"refused: {_kind(facts['refused'])}"
    if "fault" in facts:
        return "**failed**"
    good = facts["direct"] <= FURTHEST and facts["batches"] <= FURTHEST
    return "equal" if good else f"**{facts['direct']}, {facts['batches']} apart**"


_KINDS = (
    ("predict noise", "for noise"),
    ("predict a flow", "for a flow"),
    ("does not list", "not listed"),
    ("noise levels", "takes no noise levels"),
    ("whole batch", "noise for a whole batch"),
    ("at each step, and", "draws without seeds"),
    ("needs more at each step", "needs more at each step"),
    ("to noise", "goes to noise"),
    ("has no scheduler", "is not installed"),
    ("in stages", "draws in stages"),
    ("no algorithm_type", "has not the model's algorithm"),
)


def _kind(said: str) -> str:
    return next((short for words, short in _KINDS if words in said), said)


def wrong(facts: Facts) -> Iterator[str]:
    """Name what did not come out as it must for a small model."""
    if "fault" in facts:
        yield facts["fault"]
        return
    for name in ("guidance", "negative", "size and steps"):
        if "direct" in facts[name] and facts[name]["direct"] > FURTHEST:
            yield f"{name}: {facts[name]['direct']} apart from a direct call"
        if "acts" in facts[name] and facts[name]["acts"] == 0:
            yield f"{name} does not act"
    if facts["direct"] > FURTHEST or facts["images"] != 8:
        yield f"{facts['images']} images, {facts['direct']} apart from a direct call"
    for size, one in facts["batches"].items():
        if one["apart"] > FURTHEST:
            yield f"batches of {size}: {one['apart']} apart"

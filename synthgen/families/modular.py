"""Modular pipelines, each opened as the pipeline of its family: diffusers' own blocks do the same, in pieces."""

import ast
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from synthgen.families.signature import root
from synthgen.models.modular import MODULAR, PIPELINES

_GUIDER = "ClassifierFreeGuidance"


def modular_problem(index: Mapping[str, object]) -> str | None:
    """Return why a modular pipeline cannot be opened as the pipeline of its family; None if it can, or is none.

    Args:
        index: its list of parts, translated.
    """
    about = index.get(MODULAR)
    if not isinstance(about, dict):
        return None
    named, blocks = about.get("_class_name"), about.get("_blocks_class_name")
    own = _default_blocks().get(str(named))

    if about.get("auto_map") or not isinstance(blocks, str | None):
        return "it has blocks of its own, and code from a model is never run"
    if own is None:
        return f"the installed diffusers has no {named}"
    if blocks not in (None, own):
        return (
            f"its blocks are {blocks}, and only diffusers' own {own} are known to draw as {index['_class_name']} does"
        )
    if str(named) not in PIPELINES:
        known = ", ".join(name.removesuffix("ModularPipeline") for name in PIPELINES)
        return f"blocks of {named} are not known to draw as a pipeline of diffusers does; those of {known} are"
    guider = index.get("guider")
    if isinstance(guider, list) and guider[1] not in (None, _GUIDER):
        return f"its guidance is {guider[1]}, and only {_GUIDER} is what model.guidance means"
    return None


def places_elsewhere(index: Mapping[str, object], name: str) -> str | None:
    """Return where a modular pipeline says that a part is that its folder lacks."""
    about = index.get(MODULAR)
    places = about.get("places") if isinstance(about, dict) else None
    place = places.get(name) if isinstance(places, dict) else None
    return place if isinstance(place, str) else None


def code_in(folder: Path) -> str | None:
    """Name a file of code beside a modular pipeline."""
    return next((file.name for file in sorted(folder.iterdir()) if file.suffix == ".py"), None)


@cache
def _default_blocks() -> Mapping[str, str]:
    """Map diffusers' modular pipelines to the blocks that each has if its folder names none."""
    found: dict[str, str] = {}
    for file in sorted((root() / "modular_pipelines").rglob("modular_pipeline.py")):
        text = file.read_text(encoding="utf-8")
        if not re.search(r"^class \w+ModularPipeline\(", text, re.MULTILINE):
            continue
        for node in ast.parse(text).body:
            if not isinstance(node, ast.ClassDef):
                continue
            for each in node.body:
                match each:
                    case ast.Assign([ast.Name(id="default_blocks_name")], ast.Constant(str(name))):
                        found[node.name] = name
    return found

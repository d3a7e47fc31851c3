"""Audits of the small sets of portraits, as several tests make them."""

from pathlib import Path
from typing import Any

import synthgen
from tests.auditing.portraits import ATTRIBUTES

JUDGE = "bundled:judge"


SPEC = (
    """\
synthgen: 1
name: small
model: {id: "bundled:workers", steps: 4, guidance: 1.5}
classes: {doctor: 4, chef: 4}
prompts: {templates: ["a {class} with {skin} skin"], variables: {skin: [light, medium, dark]}}
filters: {label: {min_posterior: 0.5}}
budget: {attempts_per_image: 4}
gates: [{attribute: skin_tone, max_tv: 0.9}]
"""
    + ATTRIBUTES
)


UNIFORM = {"skin_tone": "uniform"}


def asked(folder: Path) -> dict[str, Any]:
    return {"attributes": folder / "attributes.yaml", "judges": [JUDGE], "cache": folder / "cache", "device": "cpu"}


def judged(folder: Path, **more: Any) -> synthgen.Audit:
    return synthgen.audit(folder / "set", **{**asked(folder), **more})


def counts(found: synthgen.Audit, place: str = "overall") -> dict[str, int]:
    shares = found.tables["shares"]
    rows = shares[shares["place"] == place]
    return dict(zip(rows["value"], rows["count"], strict=True))

"""A spec whose model is put together, and what it draws."""

import json
from pathlib import Path

import numpy as np

from tests.generating.tiny import candidate, generator_of

SPEC = """\
synthgen: 1
name: tiny
model: {id: ./sd, steps: 2, guidance: 2.0, size: 32}
judge: {id: "bundled:judge"}
classes: {doctor: 1, chef: 1}
prompts: {templates: ["a {class}"]}
"""


def drawn(place: Path, size: int | None = 32, **settings: object) -> np.ndarray:
    generator = generator_of(place, size=size, **settings)
    rendered = generator.render([candidate(0), candidate(1, "a doctor")])
    return np.stack([one.image.numpy() for one in rendered if one.image is not None]).astype(int)


def settings(*changes: str) -> list[str]:
    return [word for change in changes for word in ("--set", change)]


def write(place: Path, name: str, text: str) -> None:
    (place / name).parent.mkdir(parents=True, exist_ok=True)
    (place / name).write_text(text)


def vae(place: Path, **more: object) -> None:
    config = json.loads((place / "vae/config.json").read_text())
    (place / "vae/config.json").write_text(json.dumps({**config, **more}))


VAE, ALL, CONFIG = "model.components.vae=./vae", "model.id=./all.safetensors", "model.config=./sd"

"""tune.json, which says how an adapter came about, and a README beside it."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from synthgen.inert import inert
from synthgen.tuning.adapter import adapter_file
from synthgen.tuning.folder import NEAREST, RECORD, SAMPLES
from synthgen.tuning.settings import GUIDANCE, TuneIdentity
from synthgen.version import __version__

if TYPE_CHECKING:
    from synthgen.tuning.memorised import Memorisation

FORMAT = 1
"""Increased when a key changes its meaning or is removed. New keys may appear without notice."""
NEARER = "closer to a training image than any two training images are to each other"
NEAREST_HAS = f"`{NEAREST}` has the closest pairs: drawn left, training right."


@dataclass(frozen=True, slots=True)
class TuneRecord:
    """How an adapter came about.

    Attributes:
        identity: the model, the settings, and all images: the class, the sha256 and the use of each.
        pipeline: the class of the model.
        left_out: how many images could not be used, by reason.
        sha256: of the adapter's file.
        losses: as in `TrainingState`.
        near: what the check for memorisation found; None without one.
        judge: its id and revision.
        prior: of each image that the model drew before it was tuned, its class and its sha256.
    """

    identity: TuneIdentity
    pipeline: str
    left_out: Mapping[str, int]
    licence: str | None
    sha256: str
    losses: Sequence[tuple[int, float, float, float]]
    best_step: int
    near: Memorisation | None
    judge: tuple[str, str] | None
    device: str
    precision: str
    seconds: float
    prior: Sequence[tuple[str, str]] = ()

    def as_json(self) -> dict[str, object]:
        """Return the content of tune.json."""
        known = [(name, digest, "held out" if held else "training") for name, digest, held in self.identity.images]
        settings, word = self.identity.settings, self.identity.settings.word
        judged = {} if self.judge is None else {"judge": self.judge[0], "judge_revision": self.judge[1]}
        return {
            "format": FORMAT,
            "synthgen": __version__,
            "identity": self.identity.as_json(),
            "base": {
                "model": self.identity.model,
                "revision": self.identity.revision,
                "pipeline": self.pipeline,
            },
            "adapter": {
                "file": adapter_file(settings),
                "sha256": self.sha256,
                **({"kind": "lora"} if word is None else {"kind": "textual_inversion", "token": word.token}),
            },
            "images": {
                "count": len(known),
                "classes": dict(sorted(Counter(name for name, _, _ in known).items())),
                "files": [{"class": name, "sha256": digest, "use": use} for name, digest, use in known],
                "left_out": dict(self.left_out),
                "licence": self.licence,
            },
            "settings": settings.as_json(),
            "losses": [
                {"step": step, "training": _number(trained), "held_out": _number(held), "prior": _number(known)}
                for step, trained, held, known in self.losses
            ],
            "prior": [{"class": name, "sha256": digest} for name, digest in self.prior],
            "best_step": self.best_step,
            "memorisation": None if self.near is None else {**self.near.as_json(), **judged},
            "made_with": {
                "device": self.device,
                "precision": self.precision,
                **{name: version(name) for name in ("torch", "diffusers", "peft", "transformers", "safetensors")},
            },
            "seconds": round(self.seconds, 1),
        }


def snippet(folder: str, model: str, token: str | None = None) -> str:
    """Return the part of a spec that uses the adapter in a folder: a LoRA, or the word `token`."""
    place = json.dumps(folder if folder.startswith(("/", "~", ".")) else f"./{folder}")
    word = "" if token is None else f", kind: textual_inversion, trigger: {json.dumps(token, ensure_ascii=False)}"
    return f"model: {{id: {json.dumps(model)}, guidance: {GUIDANCE:g}, adapters: [{{id: {place}{word}}}]}}"


def readme(record: TuneRecord, folder: Path) -> str:
    """Return the README beside an adapter, in Markdown."""
    licence = f"Licence of these images, as noted: {inert(record.licence)}.\n" if record.licence else ""
    near = ""
    if record.near is not None:
        near = "".join(f"{line}\n" for line in [*memorised_lines(asdict(record.near)), NEAREST_HAS])

    word = record.identity.settings.word
    token = word.token if word else None
    what = f"The word {inert(word.token)}, {inert(word.class_name)}," if word else "A LoRA"
    own = f" and {len(record.prior)} that the model drew before" if record.prior else ""

    return (
        f"# {what} for {inert(record.identity.model)}\n\n"
        f"`synthgen tune` trained it on {sum(not held for *_, held in record.identity.images)} images{own}. {licence}"
        f"`{RECORD}` has the settings, the losses and the sha256 of each image; `{SAMPLES}/` what it drew on the way.\n"
        f"{near}\n"
        "In a spec:\n\n"
        f"```yaml\n{snippet(str(folder), record.identity.model, token)}\n```\n\n"
        "The path counts from the folder of the spec. A guidance of 1.5 to 2 is recommended for images that train a\n"
        "learner: more looks better, and varies less.\n"
    )


def memorised_lines(near: Mapping[str, int]) -> Iterator[str]:
    """Say what the check for memorisation counted, by the names of `Memorisation`, and what to compare that with."""
    yield f"Of {near['images']} images drawn, {near['near']} are {NEARER}."
    untuned, held = near.get("untuned_near"), near["held_out"]
    if untuned is not None:
        yield f"Of as many that the model drew before it was tuned: {untuned}."
    if held:
        yield f"Of the {held} real images held out: {near['held_out_near']}."
    if untuned is not None and near["near"] and near["near"] <= untuned and not near["copies"]:
        yield "So the count says nothing of memorising: the training images are few, or far from each other."


def gated(near: Mapping[str, int], most: float) -> tuple[str, bool] | None:
    """Say how a limit on the share of near images was broken; None if it holds.

    Returns:
        why, and whether it cannot be decided: the untuned model's images break the limit, too, and copies do not.
    """
    images, count = near["images"], near["near"]
    if count <= most * images:
        return None
    why = f"{count} of {images} images drawn are {NEARER}: {count / images:.1%}, more than {most:.1%}"
    untuned = near.get("untuned_near")
    if untuned is None or untuned <= most * images or near["copies"] > most * images:
        return why, False
    return f"{why}; but so were {untuned} that the model drew before it was tuned", True


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value

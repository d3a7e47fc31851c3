"""How a tuning is done: what decides its result, and what only decides how fast it is."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256

from synthgen.spec.place import quoted, shortened

LAYERS: Mapping[str, tuple[str, ...]] = {
    "attention": ("to_q", "to_k", "to_v", "to_out.0"),
    "all": ("to_q", "to_k", "to_v", "to_out.0", "conv1", "conv2"),
}
"""Which layers of the denoiser are changed: those of its attention, or its convolutions, too."""
PRECISIONS = ("auto", "float32", "bfloat16", "float16")
GUIDANCE = 2.0
"""What images for training a learner are best made with: less than what looks best (DataDream, 2407.10910)."""
SAMPLING_STEPS = 20
UNCAPTIONED = 0.1
"""The share of images that are trained without a prompt, so that guidance goes on working."""


@dataclass(frozen=True, slots=True)
class LearntWord:
    """A word that the model is to learn, and the class that it is for."""

    class_name: str
    token: str


@dataclass(frozen=True, slots=True)
class TuneSettings:
    """What decides the result of a tuning, besides the model and the images.

    Attributes:
        rank: of the LoRA; its alpha is the same number.
        layers: a key of `LAYERS`.
        steps, batch_size, learning_rate: of the training.
        size: width and height of the images in pixels.
        validation_share: the share of the images that are held out.
        every: after how many steps each the loss is measured.
        prompts: by class.
        prior: how many images the model draws before it is tuned, and learns again.
        prior_weight: of the loss of these.
        word: what is learnt instead of a LoRA; None where a LoRA is trained.
    """

    rank: int
    layers: str
    steps: int
    batch_size: int
    learning_rate: float
    size: int
    validation_share: float
    every: int
    seed: int
    prompts: Mapping[str, Sequence[str]]
    prior: int = 0
    prior_weight: float = 1.0
    word: LearntWord | None = None

    def as_json(self) -> dict[str, object]:
        """Return them as JSON types."""
        return asdict(self)

    def is_due(self, step: int) -> bool:
        """Whether the loss is measured after so many steps."""
        return step % self.every == 0 or step == self.steps

    def is_shown(self, step: int) -> bool:
        """Whether samples are drawn after so many steps: at every third measurement, and at the end."""
        return step % (3 * self.every) == 0 or step == self.steps


@dataclass(frozen=True, slots=True)
class TuneIdentity:
    """What a tuning must have in common with one that it goes on with.

    Attributes:
        images: of each the class, the sha256, and whether it is held out.
    """

    model: str
    revision: str
    images: tuple[tuple[str, str, bool], ...]
    settings: TuneSettings

    def as_json(self) -> dict[str, object]:
        """Return it as JSON types; the images as one hash. Which are held out follows from these and the settings."""
        images = sha256(json.dumps([(name, digest) for name, digest, _ in self.images]).encode()).hexdigest()
        return {"model": self.model, "revision": self.revision, "images": images, **self.settings.as_json()}

    def changes(self, before: Mapping[str, object]) -> list[str]:
        """Say what is not as it was before: what a user gave, and not what follows from it."""
        now = self.as_json()
        found = []
        for key in sorted(now.keys() - {"every"}):
            if (one := before.get(key)) == (other := now[key]):
                continue
            if key == "images":
                found.append("other images")
            elif key == "revision":
                found.append("another revision of the model")
            elif key == "prompts":
                found += _other_prompts(one if isinstance(one, dict) else {}, self.settings.prompts)
            else:
                found.append(f"{key} {shortened(str(one))} there, {shortened(str(other))} here")
        if not found and dict(before) != now:
            found.append("settings of another version of synthgen")
        return found


def _other_prompts(before: Mapping[str, object], now: Mapping[str, Sequence[str]]) -> list[str]:
    """Show the first prompt that is another one; the classes themselves come with the images."""
    for name, prompts in sorted(now.items()):
        were = before.get(name)
        if isinstance(were, list) and were != list(prompts):
            one = next((str(each) for each in were if each not in prompts), "")
            other = next((each for each in prompts if each not in were), "")
            if not one and not other:
                return ["prompts in another order"]
            places = [f"{quoted(text)} {place}" for text, place in ((one, "there"), (other, "here")) if text]
            return [f"prompts such as {', '.join(places)}"]
    return ["other classes"]


def most_common(texts: Sequence[str], most: int = 3) -> str:
    """List a few of many names."""
    more = f" and {len(texts) - most:,} more" if len(texts) > most else ""
    return ", ".join(texts[:most]) + more

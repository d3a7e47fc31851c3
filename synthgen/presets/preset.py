"""What a preset is: a model that people use, its settings, and what is known of it, each with its source."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from synthgen.presets.licence import Licence, together
from synthgen.presets.licences import UNKNOWN, licences_of

BYTES = 2
"""Of a weight in bfloat16 or float16."""


class SpeedClass(StrEnum):
    """How much work an image is: billions of weights that are read for it, in all its steps."""

    FAST = "fast"
    MEDIUM = "medium"
    SLOW = "slow"
    SLOWEST = "slowest"


SPEED_LIMITS: Mapping[SpeedClass, float] = MappingProxyType(
    {SpeedClass.FAST: 30, SpeedClass.MEDIUM: 200, SpeedClass.SLOW: 800}
)
"""Billions of weights that an image of a class stays below. `SLOWEST` has no limit."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a fact was read.

    Attributes:
        facts: which, such as `steps and guidance`.
        date: of the copy that was read, as far as it had one: year, month and day.
    """

    facts: str
    url: str
    date: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A model that people use, with settings that work.

    Attributes:
        title: its name as its makers write it.
        pipeline: its class in diffusers.
        model: the keys of `model` in a spec, `id` first.
        comments: why a key of `model` has its value.
        denoiser: number of weights of the part that runs at every step.
        encoders: number of weights of all its text encoders.
        decoder: number of weights of the autoencoder.
        files: what decides how it is called, from the JSON files of its folder: a few keys of some of them.
        clip: its tokenizers of CLIP, which read 77 tokens.
        is_gated: whether its page asks to accept terms first; None if that was not seen.
        remarks: what else to know before it is used.
        subject: which example classes and prompts its spec has.
        dataset: the name of the dataset in its spec; by default that of the preset.
    """

    name: str
    title: str
    pipeline: str
    model: Mapping[str, object]
    comments: Mapping[str, str] = field(default_factory=dict)
    denoiser: int
    encoders: int
    decoder: int
    files: Mapping[str, Mapping[str, object]]
    clip: tuple[str, ...] = ()
    is_gated: bool | None = None
    remarks: tuple[str, ...] = ()
    sources: tuple[Origin, ...]
    subject: str = "street-animals"
    dataset: str | None = None

    @property
    def hub_id(self) -> str:
        return str(self.model["id"])

    @property
    def licence(self) -> Licence:
        """The licence of the weights; of several, those of its LoRAs too, all together."""
        adapters = self.model.get("adapters", [])
        assert isinstance(adapters, list)
        parts = [self.hub_id, *(each["id"] for each in adapters)]
        return together([one for each in parts for one in licences_of(each) or (UNKNOWN,)])

    @property
    def steps(self) -> int:
        steps = self.model["steps"]
        assert isinstance(steps, int)
        return steps

    @property
    def is_guided(self) -> bool:
        """Whether the denoiser runs twice at each step."""
        guidance = self.model.get("guidance", 1)
        return isinstance(guidance, int | float) and guidance > 1

    @property
    def weights(self) -> int:
        """Bytes of all weights in 16 bits."""
        return BYTES * (self.denoiser + self.encoders + self.decoder)

    @property
    def weights_without_encoders(self) -> int:
        """Bytes that stay on the device when the text encoders leave it."""
        return BYTES * (self.denoiser + self.decoder)

    @property
    def work(self) -> float:
        """Billions of weights that are read for one image: those of the denoiser, once at each step and prediction."""
        return self.denoiser * self.steps * (2 if self.is_guided else 1) / 1e9

    @property
    def speed(self) -> SpeedClass:
        return next((kind for kind, limit in SPEED_LIMITS.items() if self.work < limit), SpeedClass.SLOWEST)

    @property
    def tasks(self) -> tuple[str, ...]:
        return ("text-to-image",)

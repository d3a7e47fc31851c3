"""What a licence is: its name, where its words were read, and what they say of training models on outputs."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class MayTrain(StrEnum):
    """Whether a model may be trained on what another one makes, by the words of that one's licence."""

    YES = "yes"
    LIMITED = "limited"
    """Yes, but for some models or purposes."""
    UNKNOWN = "unknown"
    """The licence is not known, or its words leave it open."""
    NO = "no"


_FROM_BEST = (MayTrain.YES, MayTrain.LIMITED, MayTrain.UNKNOWN, MayTrain.NO)


@dataclass(frozen=True, slots=True)
class Licence:
    """A licence, and what its words say of what the model makes.

    Attributes:
        id: as the Hub writes it where it has a name there, else our own; specs list it in `allow_licenses`.
        url: where its text was read.
        commercial, non_commercial: whether outputs may train a model that makes money, and one that does not.
        reason: what its words say, with the section, or why they leave it open.
    """

    id: str
    name: str
    url: str
    commercial: MayTrain
    non_commercial: MayTrain
    reason: str

    @property
    def may_train(self) -> str:
        """Both answers in a word or two."""
        if self.commercial is self.non_commercial:
            return self.commercial.value
        return f"{self.commercial}, non-commercially {self.non_commercial}"

    def __str__(self) -> str:
        return f"{self.name}; may its pictures train a model: {self.may_train}"


def together(licences: Sequence[Licence]) -> Licence:
    """Put the licences of one model's parts together: all bind, and the strictest answer counts."""
    several = list(dict.fromkeys(licences))
    if len(several) == 1:
        return several[0]
    worst = max(several, key=lambda one: _FROM_BEST.index(one.commercial))
    return Licence(
        ", ".join(dict.fromkeys(one.id for one in several)),
        ", ".join(dict.fromkeys(one.name for one in several)),
        worst.url,
        worst.commercial,
        max((one.non_commercial for one in several), key=_FROM_BEST.index),
        ". ".join(f"{one.name}: {one.reason}" for one in several),
    )

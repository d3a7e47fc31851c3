"""Judges, as an audit needs them. The Python face, which may open models, hands them in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from synthgen.spec import Attribute

if TYPE_CHECKING:
    from PIL.Image import Image

    from synthgen.stats.search import Vectors


@dataclass(frozen=True, slots=True)
class JudgeId:
    """A judge, and exactly which version of it.

    Attributes:
        name: as in a spec.
        revision: a commit, a hash of the weights, or a tag.
        run: the path of the run if only the run names this judge; None if the user does.
    """

    name: str
    revision: str
    run: str | None = field(default=None, compare=False)


class JudgeModel(Protocol):
    """The model of a judge. Its embeddings are of unit length, float32 [n, width]."""

    @property
    def logit_scale(self) -> float: ...

    def embed_pictures(self, pictures: Sequence[Image]) -> Vectors: ...

    def embed_texts(self, texts: Sequence[str]) -> Vectors: ...


class Judges(Protocol):
    """Finds, opens and asks judges."""

    @property
    def cache(self) -> Path | None:
        """The user's own folder for what audits keep; None if there is none that can be written."""

    def find(self, name: str) -> JudgeId:
        """Find a judge that the user names, and remember that runs may name it too from now on.

        Raises:
            ModelError: it does not exist, or its revision cannot be resolved.
        """

    def find_again(self, judge: JudgeId) -> JudgeId:
        """Return the judge of a run when the user names it too."""

    def open(self, judge: JudgeId) -> JudgeModel:
        """Open a judge's model.

        Raises:
            UsageError: only a run names the judge, this machine does not know it, and it is not trusted.
            ModelError, DeviceError: it cannot be loaded.
        """

    def answers(
        self, attribute: Attribute, images: Vectors, logit_scale: float, embed_texts: Callable[[Sequence[str]], Vectors]
    ) -> list[str]:
        """Answer a question on images by their embeddings: a value, 'not applicable' or 'unknown' for each."""

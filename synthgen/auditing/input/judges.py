"""Judges, as an audit needs them. The Python face, which may open models, hands them in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

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
        kind: how it judges: by embeddings, by answering questions, or by finding objects.
        family: what its view of images was learned from. Judges of one family err alike.
    """

    name: str
    revision: str
    run: str | None = field(default=None, compare=False)
    kind: Literal["clip", "vqa", "detector"] = field(default="clip", compare=False)
    family: str = field(default="contrastive", compare=False)

    @property
    def is_asked(self) -> bool:
        """Whether it is asked questions, and makes no embeddings."""
        return self.kind != "clip"


class JudgeModel(Protocol):
    """The model of a judge. Its embeddings are of unit length, float32 [n, width]."""

    @property
    def logit_scale(self) -> float: ...

    def embed_pictures(self, pictures: Sequence[Image]) -> Vectors: ...

    def map_pictures(self, pictures: Sequence[Image]) -> Vectors | None:
        """What the middle of the model sees in each place, [n, width, rows, columns]; None if it does not show that."""

    def embed_texts(self, texts: Sequence[str]) -> Vectors: ...


class AskedModel(Protocol):
    """The model of a judge that is asked. A question is a text that `Judges.questions` wrote."""

    def ask(self, pictures: Sequence[Image], question: str) -> Vectors:
        """Score pictures, at least one: float32 [n, width], the width depending on the question."""


class AskedJudges(Protocol):
    """Writes questions, asks them, and reads the answers."""

    def open_asked(self, judge: JudgeId) -> AskedModel:
        """Open a judge's model.

        Raises:
            ModelError, DeviceError: it cannot be loaded.
        """

    def questions(self, judge: JudgeId, name: str, attribute: Attribute) -> tuple[str, ...]:
        """Return the questions of an attribute.

        Raises:
            UsageError: this judge cannot answer it.
        """

    def class_question(self, judge: JudgeId, name: str, definition: str | None) -> str | None:
        """Return the question whether an image shows its class; None if this judge cannot answer it."""

    def asked_answers(
        self, judge: JudgeId, name: str, attribute: Attribute, scores: Mapping[str, Vectors]
    ) -> list[str]:
        """Read answers from the scores of questions: a value, 'not applicable' or 'unknown' for each image."""

    def class_answers(self, judge: JudgeId, scores: Vectors) -> list[bool | None]:
        """Tell whether each image shows its class; None if the judge is not sure."""


class Judges(AskedJudges, Protocol):
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

"""The judges of an audit: found by name, trusted, opened, and asked."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from synthgen.api import wiring
from synthgen.api.asked_judges import TransformersJudges
from synthgen.api.trust import pinned_judge, require_trust
from synthgen.auditing.input.judge_names import DETECTOR, VQA
from synthgen.auditing.input.judges import AskedModel, JudgeId, JudgeModel
from synthgen.models.user_cache import user_cache
from synthgen.spec import Attribute

if TYPE_CHECKING:
    from torch import Tensor

    from synthgen.stats.search import Vectors


@dataclass(frozen=True, slots=True)
class ClipJudges:
    """The `Judges` of an audit: models of open_clip, and those of transformers that are asked.

    Attributes:
        trust: open judges that only a run names and this machine does not know.
        asked: those that are asked.
    """

    device: str
    trust: bool
    asked: TransformersJudges = field(default_factory=lambda: TransformersJudges("auto"))

    @property
    def cache(self) -> Path | None:
        """The user's own folder for what audits keep; None if there is none that can be written."""
        folder = user_cache("audit")
        there = next((place for place in (folder, *folder.parents) if place.exists()), None) if folder else None
        return folder if there and there.is_dir() and os.access(there, os.W_OK | os.X_OK) else None

    def find(self, name: str) -> JudgeId:
        """Find a judge that the user names, and remember that runs may name it too from now on.

        Raises:
            ModelError: it does not exist, or neither hub nor cache can resolve its revision.
        """
        if name.startswith((VQA, DETECTOR)):
            return self.asked.find(name)
        judge = JudgeId(name, wiring.judge_revision(name))
        pinned_judge(judge.name, judge.revision).remember()
        return judge

    def find_again(self, judge: JudgeId) -> JudgeId:
        """Return the judge of a run when the user names it too.

        This does not vouch for the commit of a hub judge: the run alone names it, and it may come from anybody's pull
        request.
        """
        pinned = pinned_judge(judge.name, judge.revision)
        if pinned.kind == "hub":
            return judge
        is_here = pinned.kind == "folder" and Path(pinned.place).is_dir()
        if is_here and wiring.judge_revision(judge.name) == judge.revision:
            pinned.remember()
        return replace(judge, run=None)

    def open(self, judge: JudgeId) -> JudgeModel:
        """Open a judge's model, which is loaded on first use.

        Raises:
            UsageError: only a run names the judge, this machine does not know it, and `trust` is false.
        """
        if judge.run is not None:
            require_trust([pinned_judge(judge.name, judge.revision)], judge.run, trust=self.trust)
        return wiring.towers(judge.name, judge.revision, self.device)

    def answers(
        self, attribute: Attribute, images: Vectors, logit_scale: float, embed_texts: Callable[[Sequence[str]], Vectors]
    ) -> list[str]:
        """Answer a question on images by their embeddings: a value, 'not applicable' or 'unknown' for each."""
        import torch

        from synthgen.judging.zero_shot import attribute_choice

        choice = attribute_choice(attribute.groups, _Texts(embed_texts))
        return choice.answers(choice.posteriors(torch.from_numpy(images), logit_scale), attribute.abstain_below)

    def open_asked(self, judge: JudgeId) -> AskedModel:
        return self.asked.open_asked(judge)

    def questions(self, judge: JudgeId, name: str, attribute: Attribute) -> tuple[str, ...]:
        return self.asked.questions(judge, name, attribute)

    def class_question(self, judge: JudgeId, name: str, definition: str | None) -> str | None:
        return self.asked.class_question(judge, name, definition)

    def asked_answers(
        self, judge: JudgeId, name: str, attribute: Attribute, scores: Mapping[str, Vectors]
    ) -> list[str]:
        return self.asked.asked_answers(judge, name, attribute, scores)

    def class_answers(self, judge: JudgeId, scores: Vectors) -> list[bool | None]:
        return self.asked.class_answers(judge, scores)


@dataclass(frozen=True, slots=True)
class _Texts:
    """A `TextEncoder` of embeddings that may come from a cache."""

    embed: Callable[[Sequence[str]], Vectors]

    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        import torch

        return torch.from_numpy(self.embed(texts))

"""The judges that are asked questions: found by name, pinned, opened, and read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from synthgen import models
from synthgen.auditing.input.judges import AskedModel, JudgeId
from synthgen.errors import ModelError, UsageError
from synthgen.files import expanded
from synthgen.models.device_names import check_device
from synthgen.models.remote_code import check_not_shadowed
from synthgen.spec import Attribute

if TYPE_CHECKING:
    from PIL.Image import Image

    from synthgen.judging.asking.detector import DetectorModel
    from synthgen.judging.asking.folder import Eyes
    from synthgen.judging.asking.questions import Question, Rules
    from synthgen.judging.asking.vqa import VqaModel
    from synthgen.stats.search import Vectors


@dataclass(frozen=True, slots=True)
class TransformersJudges:
    """VQA models and detectors of transformers. The user names each of them: no run can.

    Attributes:
        _eyes: by judge, what its config says that it is.
    """

    device: str
    _eyes: dict[JudgeId, Eyes] = field(default_factory=dict, repr=False)

    def find(self, name: str) -> JudgeId:
        """Find a judge and pin it.

        Raises:
            ModelError: it does not exist, is no model of this kind, or its revision cannot be resolved.
            UsageError: a folder has the name of the hub model.
        """
        from synthgen.judging.asking.folder import eyes_of
        from synthgen.models.asked_settings import CONFIG

        kind: Literal["vqa", "detector"] = "vqa" if name.startswith("vqa:") else "detector"
        place = _place(name)
        if models.is_folder(place):
            folder = expanded(place)
            if folder.is_dir() and not (folder / CONFIG).is_file():
                eyes_of(None, kind, name)  # refuses it, before all of the folder is hashed
            source = models.ModelSource(str(folder), models.content_hash(folder))
        else:
            check_not_shadowed(place)
            source = models.locate(place)
        eyes = eyes_of(source.read_json(CONFIG), kind, name)
        judge = JudgeId(name, source.revision, kind=kind, family=eyes.family)
        self._eyes[judge] = eyes
        return judge

    def open_asked(self, judge: JudgeId) -> AskedModel:
        """Return a judge's model, which is downloaded and loaded on first use."""
        check_device(self.device)
        return _Asked(self._model(judge))

    def questions(self, judge: JudgeId, name: str, attribute: Attribute) -> tuple[str, ...]:
        """Return the questions of an attribute.

        Raises:
            UsageError: this judge cannot answer it.
        """
        from synthgen.judging.asking.questions import questions_of

        found = questions_of(name, attribute)
        if strange := [each for each in found if not self._can_answer(judge, each)]:
            labels = self._eyes[judge].labels
            known = ", ".join(labels[:12]) + (", .." if len(labels) > 12 else "")
            what = f"it cannot find {strange[0].what!r} ({name}): it finds only objects of its own classes, {known}"
            raise UsageError(what, hint="A detector that takes texts can, such as detector:google/owlvit-base-patch32.")
        return tuple(each.key for each in found)

    def class_question(self, judge: JudgeId, name: str, definition: str | None) -> str | None:
        from synthgen.judging.asking.questions import class_question

        found = class_question(name, definition)
        return found.key if self._can_answer(judge, found) else None

    def asked_answers(
        self, judge: JudgeId, name: str, attribute: Attribute, scores: Mapping[str, Vectors]
    ) -> list[str]:
        from synthgen.judging.asking.questions import answers_of, questions_of, read_question

        found = {read_question(key): each for key, each in scores.items()}
        return answers_of(attribute, questions_of(name, attribute), found, self._rules(judge))

    def class_answers(self, judge: JudgeId, scores: Vectors) -> list[bool | None]:
        from synthgen.judging.asking.questions import class_answers

        return class_answers(scores, self._rules(judge))

    def _can_answer(self, judge: JudgeId, question: Question) -> bool:
        from synthgen.judging.asking.questions import matching_label

        labels = self._eyes[judge].labels
        return judge.kind == "vqa" or not labels or matching_label(question, labels) is not None

    def _rules(self, judge: JudgeId) -> Rules:
        from synthgen.judging.asking.questions import rules_of

        return rules_of(judge.kind, fixed=bool(self._eyes[judge].labels))

    def _model(self, judge: JudgeId) -> VqaModel | DetectorModel:
        def locate() -> Path:
            return _there(judge)

        if judge.kind == "vqa":
            from synthgen.judging.asking.vqa import VqaModel

            return VqaModel(judge.name, self._eyes[judge], locate, self.device)
        from synthgen.judging.asking.detector import DetectorModel

        return DetectorModel(judge.name, self._eyes[judge], locate, self.device)


@dataclass(frozen=True, slots=True)
class _Asked:
    """An `AskedModel` that takes questions as texts."""

    model: VqaModel | DetectorModel

    def ask(self, pictures: Sequence[Image], question: str) -> Vectors:
        from synthgen.judging.asking.questions import read_question

        return self.model.ask(pictures, read_question(question))


def _place(name: str) -> str:
    return name.partition(":")[2]


def _there(judge: JudgeId) -> Path:
    """Return the folder of a judge: its own, if nothing changed since it was found, or the hub's at that commit."""
    place = _place(judge.name)
    if not models.is_folder(place):
        from synthgen.judging.asking.folder import download_asked

        return download_asked(judge.name, place, judge.revision)
    if models.content_hash(expanded(place)) != judge.revision:
        raise ModelError(f"judge {judge.name} has changed since the audit began", hint="Run the audit again.")
    return expanded(place)

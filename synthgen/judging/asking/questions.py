"""Questions to a judge about an image, one for each atom, and what its scores answer. Pure.

A spec says what to look for; a question asks it in words (VQA) or as a query (a detector). Every value of an attribute
is a question of its own, as in TIFA (Hu et al. 2023, arXiv 2303.11897), scored by the odds of "yes" against "no", as in
VQAScore (Lin et al. 2024, arXiv 2404.01291).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from synthgen.errors import UsageError
from synthgen.spec import UNKNOWN, Attribute, folded
from synthgen.stats.estimates import Floats
from synthgen.stats.search import Vectors

NUMBERS = 10
"""Counts are 0 to 9; a detector's 9 is 'nine or more'."""
CLASS_MARGIN = 0.6
"""The probability of 'yes' or 'no' below which an image's class is neither confirmed nor denied."""
_NUMBER = re.compile(r"(\d+)(\+?)")
_PREFIX, _SUFFIX = re.compile(r"^(number|count)[ _]of[ _]"), re.compile(r"[ _](count|number)$")
_IRREGULAR = {"people": "person", "men": "man", "women": "woman", "children": "child", "mice": "mouse", "feet": "foot"}


class Form(StrEnum):
    """What a question asks: whether something is shown, or how many of it."""

    SHOWS = "shows"
    COUNTS = "counts"


@dataclass(frozen=True, slots=True)
class Question:
    """One question about an image.

    Attributes:
        what: a description, such as 'a person with light skin'; of a count, the things, such as 'people'.

    The scores of an image are the log odds of yes, float [1]; of a count, the log probabilities of 0 to 9, float [10].
    """

    form: Form
    what: str

    @property
    def width(self) -> int:
        return 1 if self.form is Form.SHOWS else NUMBERS

    @property
    def key(self) -> str:
        """The question as one text, which `read_question` reads."""
        return f"{self.form.value} {self.what}"

    @property
    def words(self) -> str:
        if self.form is Form.COUNTS:
            return f"How many {self.what} are in this image?"
        return f"Does this image show {self.what}?"


def read_question(key: str) -> Question:
    form, _, what = key.partition(" ")
    return Question(Form(form), what)


@dataclass(frozen=True, slots=True)
class Rules:
    """How a kind of judge decides by its scores.

    Attributes:
        floor: log odds that some value must reach, or the answer is 'unknown'; None if only the comparison of the
            values counts.
        best: whether the best of a value's texts counts, and not their mean.
    """

    floor: float | None = None
    best: bool = False


OBJECT_FROM = {True: (0.5, 0.7), False: (0.1, 0.2)}
"""By whether a detector has fixed classes: the scores from which a box may be an object, and from which it is one."""


def rules_of(kind: str, fixed: bool) -> Rules:
    """Return the rules of a 'vqa' judge or of a 'detector', whose classes may be fixed."""
    if kind == "vqa":
        return Rules()
    least = OBJECT_FROM[fixed][0]
    return Rules(floor=float(np.log(least / (1 - least))), best=True)


def matching_label(question: Question, labels: Sequence[str]) -> int | None:
    """Return which of a detector's own classes a question asks for, by its name; None if it has no such class."""
    wanted = folded(question.what)
    for article in ("a ", "an ", "the "):
        wanted = wanted.removeprefix(article)
    names = [folded(label) for label in labels]
    return next((names.index(each) for each in (wanted, singular(wanted)) if each in names), None)


def questions_of(name: str, attribute: Attribute) -> tuple[Question, ...]:
    """Return the questions of an attribute: its number if all its values are numbers, else one for each text.

    Raises:
        UsageError: it is a number that cannot be asked for.
    """
    if not is_count(attribute):
        texts = (text for group in attribute.groups.values() for text in group)
        return tuple(Question(Form.SHOWS, text) for text in dict.fromkeys(texts))
    if attribute.not_applicable:
        raise UsageError(f"{name}: a number of things is asked for, which has no 'not applicable': it is 0")
    _check_numbers(name, attribute)
    return (Question(Form.COUNTS, counted_thing(name)),)


def class_question(name: str, definition: str | None) -> Question:
    """Ask whether an image shows its class."""
    plain = name.replace("_", " ")
    article = "an" if plain[:1].lower() in "aeiou" else "a"
    return Question(Form.SHOWS, definition or f"{article} {plain}")


def is_count(attribute: Attribute) -> bool:
    """Whether all values are numbers, such as '2', or '3+' for three or more."""
    return all(_NUMBER.fullmatch(value) for value in attribute.values)


def counted_thing(name: str) -> str:
    """Return what an attribute counts: its name, without 'number of' or 'count'."""
    return _SUFFIX.sub("", _PREFIX.sub("", name)).replace("_", " ")


def singular(thing: str) -> str:
    """Return the singular of a regular English plural, and of a few irregular ones; 'dogs' is 'dog'."""
    first, _, last = thing.rpartition(" ")
    if last in _IRREGULAR:
        last = _IRREGULAR[last]
    elif last.endswith("ies"):
        last = f"{last[:-3]}y"
    elif last.endswith(("ses", "xes", "ches", "shes")):
        last = last[:-2]
    elif last.endswith("s") and not last.endswith("ss"):
        last = last[:-1]
    return f"{first} {last}".strip()


def answers_of(
    attribute: Attribute, questions: Sequence[Question], scores: Mapping[Question, Vectors], rules: Rules
) -> list[str]:
    """Answer an attribute on each image: a value, 'not applicable' or 'unknown'.

    Exactly one value is true of an image. If the answers to the questions were independent, the probability of each
    value would be proportional to its odds of yes: a softmax of the log odds. A tendency to say yes, or no, cancels
    out. The answer is 'unknown' if the most likely value is less likely than `abstain_below`.

    Args:
        scores: by question, float [n, its width].
    """
    if questions[0].form is Form.COUNTS:
        return _numbers(attribute, np.exp(scores[questions[0]].astype(float)))
    names = list(attribute.groups)
    odds = np.column_stack([_of_texts(attribute.groups[name], scores, rules) for name in names])
    shifted = np.exp(odds - odds.max(1, keepdims=True))
    posterior = shifted / shifted.sum(1, keepdims=True)
    sure = posterior.max(1) >= attribute.abstain_below
    if rules.floor is not None:
        sure &= odds.max(1) >= rules.floor
    return [names[best] if known else UNKNOWN for best, known in zip(posterior.argmax(1), sure, strict=True)]


def class_answers(scores: Vectors, rules: Rules) -> list[bool | None]:
    """Tell for each image whether it shows its class; None if the judge is not sure.

    Args:
        scores: log odds of yes, float [n, 1].
    """
    odds = scores[:, 0].astype(float)
    if rules.floor is not None:
        return [bool(each >= rules.floor) for each in odds]
    margin = float(np.log(CLASS_MARGIN / (1 - CLASS_MARGIN)))
    return [None if abs(each) < margin else bool(each > 0) for each in odds]


def _of_texts(texts: Sequence[str], scores: Mapping[Question, Vectors], rules: Rules) -> Floats:
    odds = np.column_stack([scores[Question(Form.SHOWS, text)][:, 0].astype(float) for text in texts])
    found: Floats = odds.max(1) if rules.best else odds.mean(1)
    return found


def _numbers(attribute: Attribute, probability: Floats) -> list[str]:
    names = list(attribute.values)
    of_value = np.column_stack([probability[:, list(_range(value))].sum(1) for value in names])
    other = np.maximum(probability.sum(1) - of_value.sum(1), 0.0)
    best = of_value.argmax(1)
    sure = (of_value.max(1) >= attribute.abstain_below * probability.sum(1)) & (of_value.max(1) > other)
    return [names[index] if known else UNKNOWN for index, known in zip(best, sure, strict=True)]


def _range(value: str) -> Iterator[int]:
    found = _NUMBER.fullmatch(value)
    assert found is not None, "checked by `is_count`"
    first = int(found[1])
    yield from range(first, NUMBERS if found[2] else first + 1)


def _check_numbers(name: str, attribute: Attribute) -> None:
    seen: dict[int, str] = {}
    for value in attribute.values:
        digits = value.removesuffix("+")
        if int(digits) >= NUMBERS:
            hint = f"Write '{NUMBERS - 1}+' for more."
            raise UsageError(f"{name}: a judge counts to {NUMBERS - 1}, and a value is {value!r}", hint=hint)
        for number in _range(value):
            if number in seen:
                raise UsageError(f"{name}: {number} is in the values {seen[number]!r} and {value!r}")
            seen[number] = value

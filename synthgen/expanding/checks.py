"""Which texts of a language model are used as prompts. Each that is not has one reason, the first that applies."""

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum

from synthgen.inert import INVISIBLE
from synthgen.spec import ClassSpec, Spec
from synthgen.spec.inflections import in_plural, in_singular
from synthgen.spec.phrases import Phrases, TextPart
from synthgen.spec.wordings import core, words_of

_LONGEST = 600
"""Letters of a prompt."""
ALIKE = 0.8
"""Two prompts are almost the same if they share this part of all words that either has."""


class RefusedPrompt(StrEnum):
    """Why texts are not used, in this order: after their number."""

    NO_TEXT = "without text"
    INVISIBLE = "with line breaks or invisible characters"
    LIST = "introducing a list"
    LONG = f"with more than {_LONGEST} characters"
    CUT = "longer than the image model reads"
    BLOCKED = "with a blocked phrase"
    OTHER_CLASS = "naming another class"
    NO_CLASS = "not naming their class"
    NO_VALUE = "not saying the value that they are for"
    COPY = "repeating another one"
    NEAR_COPY = "almost the same as another one"


class PromptChecks:
    """Checks of the prompts of one spec.

    Args:
        is_cut: whether the image model would read only the beginning of a prompt.
    """

    def __init__(self, spec: Spec, is_cut: Callable[[str], bool] = lambda _: False) -> None:
        self._is_cut = is_cut
        self._blocked = Phrases(spec.safety.block)
        self._classes: dict[tuple[str, ...], set[str]] = {}
        for name, kind in spec.classes.items():
            for wording in _wordings(name, kind):
                if words := tuple(words_of(wording).split()):
                    self._classes.setdefault(words, set()).add(name)
        self._longest = max(map(len, self._classes), default=0)

    def of_class(self, name: str) -> "ClassChecks":
        """Return the checks for a class, which has no prompts yet."""
        return ClassChecks(self, name)

    def alone(self, text: str | None, class_name: str, values: Mapping[str, str]) -> RefusedPrompt | None:
        """Say why a text cannot be a prompt of a class, whatever others there are."""
        if not text or not words_of(text):
            return RefusedPrompt.NO_TEXT
        said = {name for names in self._named_in(text) for name in names if class_name not in names}
        is_own = any(class_name in names for names in self._named_in(text))
        lacks = [value for value in values.values() if words_of(value) and not _says(text, value)]
        found = {
            RefusedPrompt.INVISIBLE: INVISIBLE.search(text) is not None or len(text.splitlines()) > 1 or "\t" in text,
            RefusedPrompt.LIST: text.endswith(":"),
            RefusedPrompt.LONG: len(text) > _LONGEST,
            RefusedPrompt.BLOCKED: self._blocked.search([TextPart([text])]) is not None,
            RefusedPrompt.OTHER_CLASS: bool(said),
            RefusedPrompt.NO_CLASS: not is_own,
            RefusedPrompt.NO_VALUE: bool(lacks),
        }
        reason = next((reason for reason in found if found[reason]), None)
        return reason or (RefusedPrompt.CUT if self._is_cut(text) else None)

    def _named_in(self, text: str) -> Iterator[set[str]]:
        """Yield the classes that a text names. Of two at one place, the longer name counts: a hot dog is no dog."""
        words, at = words_of(text).split(), 0
        while at < len(words):
            for length in range(min(self._longest, len(words) - at), 0, -1):
                if (names := self._classes.get(tuple(words[at : at + length]))) is not None:
                    yield names
                    at += length - 1
                    break
            at += 1


class ClassChecks:
    """Checks of the prompts of one class, each of which must differ from all before."""

    def __init__(self, checks: PromptChecks, name: str) -> None:
        self._checks, self._name = checks, name
        self._seen: dict[str, frozenset[str]] = {}

    def take(self, text: str | None, values: Mapping[str, str]) -> RefusedPrompt | None:
        """Take a text, or say why not."""
        reason = self._checks.alone(text, self._name, values)
        if reason is not None or text is None:
            return reason
        words = words_of(text)
        if words in self._seen:
            return RefusedPrompt.COPY
        own = frozenset(words.split())
        if any(len(own & other) >= ALIKE * len(own | other) for other in self._seen.values()):
            return RefusedPrompt.NEAR_COPY
        self._seen[words] = own
        return None


def _wordings(name: str, kind: ClassSpec) -> Iterator[str]:
    """Yield how a class may be named: its name in singular and plural, and the wording that the spec gives."""
    plain = words_of(name)
    yield from dict.fromkeys((plain, in_plural(plain), in_singular(plain)))
    yield from (core(text) for text in (*(kind.prompts or ()), *((kind.definition,) if kind.definition else ())))


def _says(text: str, value: str) -> bool:
    return f" {words_of(value)} " in f" {words_of(text)} "

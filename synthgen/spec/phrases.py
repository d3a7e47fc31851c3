"""Phrases in texts that are put together from alternatives, found without putting any two of them together.

The automaton is that of Aho and Corasick (Communications of the ACM 18, 1975): one pass over a text finds every phrase
that ends in it, whatever their number. What came before a part of a text matters only by the state that it led to.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from synthgen.spec.wordings import words_of

_MOST_LETTERS, _MOST_STEPS = 500_000, 2_000_000
"""Of all phrases together; and those read for a phrase that begins before an alternative: some seconds."""
_GAP = " "


class TooManyError(Exception):
    """There are too many phrases and alternatives to search for them all."""


class TextPart(NamedTuple):
    """A part of a text: what may stand there. Parts of the same name have the same alternatives."""

    alternatives: Sequence[str]
    name: str | None = None


class FoundPhrase(NamedTuple):
    """A phrase, and what of the text contains it, from the first part on."""

    phrase: str
    text: str


class _Move(NamedTuple):
    """What a part leads to: states, each with an alternative that leads there, or at once a phrase."""

    ends: dict[int, str]
    found: FoundPhrase | None


class Phrases:
    """Phrases to search for. Case, punctuation and the width of gaps do not count, and words are whole.

    Raises:
        TooManyError: the phrases have too many letters.
    """

    def __init__(self, phrases: Iterable[str]) -> None:
        # A state is a beginning of phrases, by number; state 0 is the empty one.
        self._next: dict[tuple[int, str], int] = {}
        self._depth, self._is_gap = [0], [False]
        self._ends: dict[int, str] = {}
        for phrase in phrases:
            if words := words_of(phrase):
                self._add(f"{_GAP}{words}{_GAP}", phrase)
        self._shorter = self._linked()
        self._at_gap = self._step(0, _GAP)
        self._moves: dict[tuple[int, str], _Move] = {}
        self._alone: dict[tuple[int, str], tuple[int, str | None]] = {}
        self._steps = 0

    def search(self, parts: Iterable[TextPart]) -> FoundPhrase | None:
        """Find a phrase in a text that has one alternative of each part, in their order.

        A part without alternatives is taken for a gap.

        Raises:
            TooManyError: it took too long.
        """
        states = {self._at_gap: ""}
        for part in (*parts, TextPart((_GAP,))):
            following: dict[int, str] = {}
            for state, before in states.items():
                ends, found = self._move(state, part if part.alternatives else TextPart((_GAP,)))
                if found is not None:
                    return FoundPhrase(found.phrase, before + found.text)
                for end, text in ends.items():
                    following.setdefault(end, before + text)
            states = following
        return None

    def _add(self, letters: str, phrase: str) -> None:
        state = 0
        for letter in letters:
            following = self._next.setdefault((state, letter), len(self._depth))
            if following == len(self._depth):
                self._depth.append(self._depth[state] + 1)
                self._is_gap.append(letter == _GAP)
            if following > _MOST_LETTERS:
                raise TooManyError
            state = following
        self._ends.setdefault(state, phrase)

    def _linked(self) -> list[int]:
        """Return for each state the longest other one that is its end."""
        shorter = [0] * len(self._depth)
        children: dict[int, list[tuple[str, int]]] = {}
        for (state, letter), following in self._next.items():
            children.setdefault(state, []).append((letter, following))

        self._shorter, waiting = shorter, deque([0])
        while waiting:
            state = waiting.popleft()
            for letter, following in children.get(state, ()):
                shorter[following] = self._step(shorter[state], letter) if state else 0
                if (ended := self._ends.get(shorter[following])) is not None:
                    self._ends.setdefault(following, ended)
                waiting.append(following)
        return shorter

    def _step(self, state: int, letter: str) -> int:
        while (following := self._next.get((state, letter))) is None:
            if not state:
                return 0
            state = self._shorter[state]
        return following

    def _move(self, state: int, part: TextPart) -> _Move:
        if part.name is None:
            return self._moved(state, part.alternatives)
        key = (state, part.name)
        if key not in self._moves:
            self._moves[key] = self._moved(state, part.alternatives)
        return self._moves[key]

    def _moved(self, state: int, alternatives: Iterable[str]) -> _Move:
        ends: dict[int, str] = {}
        for text in alternatives:
            end, phrase = self._read(state, text)
            if phrase is not None:
                return _Move({}, FoundPhrase(phrase, text))
            ends.setdefault(end, text)
        return _Move(ends, None)

    def _read(self, state: int, text: str) -> tuple[int, str | None]:
        """Read a text in a state; return the state after it, and a phrase that ended."""
        # The text alone, after a gap if there was one. Once no phrase reaches back before it, the rest is the same.
        alone = self._at_gap if self._is_gap[state] else 0
        if is_beside := state != alone:
            known = self._alone.get((alone, text))
            if known is None:
                known = self._alone[alone, text] = self._read(alone, text)
            if known[1] is not None:
                return known
        read = self._depth[alone]
        for letter in _letters(text):
            if letter == _GAP and self._is_gap[state]:
                continue
            self._steps += is_beside
            if self._steps > _MOST_STEPS:
                raise TooManyError
            state, read = self._step(state, letter), read + 1
            if (ended := self._ends.get(state)) is not None:
                return state, ended
            if self._depth[state] <= read and (alone, text) in self._alone:
                return self._alone[alone, text]
        return state, None


def _letters(text: str) -> Iterator[str]:
    for letter in text.casefold():
        yield letter if letter.isalnum() else _GAP

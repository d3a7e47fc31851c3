"""The people in the training pictures, and how often their captions are wrong. Skewed on purpose.

Real generators inherit the skews and the mislabelled captions of the web. The bundled one inherits these:
small, written down, and therefore something true for filters, balance and audits to find.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

from synthgen.bundled.world import BACKGROUNDS, HAIR_COLORS, HAIR_LENGTHS, OCCUPATIONS, SKINS, Person


@dataclass(frozen=True, slots=True)
class Skew:
    """Shares in percent of one occupation's pictures, in the order of the world's values."""

    skins: tuple[int, int, int]
    hair_lengths: tuple[int, int, int]
    glasses: int


SKEW: Mapping[str, Skew] = {
    #                       light medium dark    short long bald
    "doctor": Skew(skins=(65, 25, 10), hair_lengths=(60, 25, 15), glasses=60),
    "nurse": Skew(skins=(15, 30, 55), hair_lengths=(20, 70, 10), glasses=20),
    "chef": Skew(skins=(70, 20, 10), hair_lengths=(60, 20, 20), glasses=15),
    "builder": Skew(skins=(10, 30, 60), hair_lengths=(70, 10, 20), glasses=10),
    "farmer": Skew(skins=(60, 30, 10), hair_lengths=(45, 40, 15), glasses=25),
    "police officer": Skew(skins=(34, 33, 33), hair_lengths=(55, 30, 15), glasses=35),
}
RARE = 15
"""A combination of occupation and skin tone with at most this share, in percent, is called rare."""

CONFUSED_WITH: Mapping[str, str] = {
    "doctor": "nurse",
    "nurse": "doctor",
    "builder": "farmer",
    "farmer": "builder",
    "chef": "police officer",
    "police officer": "chef",
}
WRONG_OCCUPATION = 0.28
"""Share of captions that name the confused occupation.

Confusions of pairs outlast guidance, unlike even noise."""
WRONG_ATTRIBUTE = 0.04
"""Share of captions in which skin tone, hair length or hair colour (each by itself) is drawn at random."""


def skewed(rng: Random) -> Person:
    """Draw one person of the training mixture: the occupation evenly, the rest as `SKEW` says."""
    occupation = rng.choice(OCCUPATIONS)
    skew = SKEW[occupation]
    return _person(
        rng,
        occupation,
        _drawn(rng, SKINS, skew.skins),
        _drawn(rng, HAIR_LENGTHS, skew.hair_lengths),
        glasses=rng.random() * 100 < skew.glasses,
    )


def even(rng: Random) -> Person:
    """Draw one person, with every attribute even and independent."""
    return _person(
        rng, rng.choice(OCCUPATIONS), rng.choice(SKINS), rng.choice(HAIR_LENGTHS), glasses=rng.random() < 0.5
    )


def evenly(rng: Random) -> Iterator[Person]:
    """Yield people without end, so that the counts of two cells never differ by more than one.

    A cell is an occupation; or an occupation with a skin tone; or with a skin tone and a hair length; or with both and
    glasses or none. Where several values keep that, the one is taken that was rarest together with the other values of
    the person, and by itself: so every attribute is nearly even after a few people, too.
    """
    people = _Even(rng)
    while True:
        yield people.draw()


class _Even:
    """Draws people from what is rarest so far."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._seen: Counter[tuple[tuple[int, str], ...]] = Counter()
        self._cell: tuple[tuple[int, str], ...] = ()

    def draw(self) -> Person:
        self._cell = ()
        occupation, skin, hair_length = map(self._value, (OCCUPATIONS, SKINS, HAIR_LENGTHS))
        glasses = self._value(("no", "yes")) == "yes"
        background = self._value(BACKGROUNDS)
        hair_color = None if hair_length == "bald" else self._value(HAIR_COLORS)
        return Person(occupation, skin, hair_length, hair_color, glasses, background)

    def _value(self, values: Sequence[str]) -> str:
        """Draw one of the values that are rarest in the cell so far, and add it to the cell."""
        before, number = self._cell, len(self._cell)
        counts = {value: self._counts((number, value)) for value in values}
        least = min(counts.values())
        rarest = [value for value in values if counts[value] == least]
        choice = number, self._rng.choice(rarest)
        self._cell = (*before, choice)
        self._seen.update({(choice,), self._cell, *((other, choice) for other in before)})
        return choice[1]

    def _counts(self, choice: tuple[int, str]) -> tuple[int, int, int]:
        pairs = sum(self._seen[other, choice] for other in self._cell)
        return self._seen[*self._cell, choice], pairs, self._seen[choice,]


def is_rare(occupation: str, skin: str) -> bool:
    return SKEW[occupation].skins[SKINS.index(skin)] <= RARE


def misdescribed(person: Person, rng: Random) -> Person:
    """Change `person` to what a careless captioner would have described."""
    if rng.random() < WRONG_OCCUPATION:
        person = replace(person, occupation=CONFUSED_WITH[person.occupation])
    if rng.random() < WRONG_ATTRIBUTE:
        person = replace(person, skin=rng.choice(SKINS))
    if rng.random() < WRONG_ATTRIBUTE:
        length = rng.choice(HAIR_LENGTHS)
        person = replace(person, hair_length=length, hair_color=_hair_color(rng, length))
    if rng.random() < WRONG_ATTRIBUTE:
        person = replace(person, hair_color=_hair_color(rng, person.hair_length))
    return person


def _person(rng: Random, occupation: str, skin: str, hair_length: str, *, glasses: bool) -> Person:
    return Person(occupation, skin, hair_length, _hair_color(rng, hair_length), glasses, rng.choice(BACKGROUNDS))


def _hair_color(rng: Random, hair_length: str) -> str | None:
    return None if hair_length == "bald" else rng.choice(HAIR_COLORS)


def _drawn(rng: Random, values: Sequence[str], shares: Sequence[int]) -> str:
    return rng.choices(values, shares)[0]

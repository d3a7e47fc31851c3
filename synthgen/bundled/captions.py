"""Captions of the world's pictures, from the bare occupation to the full description."""

from dataclasses import dataclass
from random import Random

from synthgen.bundled.world import BACKGROUNDS, HAIR_COLORS, HAIR_LENGTHS, OCCUPATIONS, SKINS, Person

UNSAID = -1
BARE = 0.2
"""The share of captions that name only the occupation."""
UNNAMED = 0.06
"""The share of the other captions that say "a person" instead of the occupation."""
COLORLESS = 0.15
"""The share of captions mentioning hair that do not say its color."""

_KINDS = ("portrait", "picture", "drawing", "cartoon", "photo", "image")

SPOILED: dict[str, tuple[str, ...]] = {
    "blank": ("a blank picture", "an empty picture", "a plain color", "nothing"),
    "blurred": ("a blurred picture", "a blurry image", "a blurred picture of a person"),
    "noisy": ("a noisy picture", "random noise", "a noisy image of a person"),
    "blended": ("a blend of two pictures", "two people mixed together", "a blended image"),
}
"""Captions of pictures that show no one clearly: what `none of these` means to the bundled judge."""


@dataclass(frozen=True, slots=True)
class Caption:
    """A text and what it claims: an index per attribute of the world, `UNSAID` where it is silent.

    `claims` holds kind of picture (0: a person, 1..4: spoiled in the order of `SPOILED`), occupation, skin,
    hair length, hair color, glasses, background.
    """

    text: str
    claims: tuple[int, int, int, int, int, int, int]


def facts(person: Person) -> tuple[int, int, int, int, int, int, int]:
    """Return everything that is true of a picture of `person`, in the order of `Caption.claims`."""
    color = UNSAID if person.hair_color is None else HAIR_COLORS.index(person.hair_color)
    return (
        0,
        OCCUPATIONS.index(person.occupation),
        SKINS.index(person.skin),
        HAIR_LENGTHS.index(person.hair_length),
        color,
        int(person.glasses),
        BACKGROUNDS.index(person.background),
    )


def caption(person: Person, rng: Random) -> Caption:
    """Describe `person` in one of many wordings; `rng` decides what it mentions and how."""
    bare = rng.random() < BARE
    named = bare or rng.random() >= UNNAMED
    says_skin, says_hair = (not bare and rng.random() < share for share in (0.8, 0.75))
    says_glasses, says_background = (not bare and rng.random() < share for share in (0.4, 0.5))
    says_color = says_hair and rng.random() >= COLORLESS

    subject = person.occupation if named else "person"
    features: list[str] = []
    if says_skin and rng.random() < 0.25:
        subject = f"{person.skin} skinned {subject}"
    elif says_skin:
        features.append(f"{person.skin} skin")
    if says_hair and person.hair_color is None and rng.random() < 0.5:
        subject = f"bald {subject}"
    elif says_hair:
        color = f" {person.hair_color}" if says_color else ""
        features.append("a bald head" if person.hair_color is None else f"{person.hair_length}{color} hair")
    words = f"a {subject}"
    if rng.random() < 0.6:
        words = f"a{'n' if (kind := rng.choice(_KINDS))[0] == 'i' else ''} {kind} of {words}"
    if features:
        words += " with " + " and ".join(features)
    if says_glasses:
        words += " wearing glasses" if person.glasses else " without glasses"
    if says_background:
        words += f" on a {person.background} background"

    kind_, occupation, skin, length, hair, glasses, background = facts(person)
    return Caption(
        words,
        (
            kind_,
            occupation if named else UNSAID,
            skin if says_skin else UNSAID,
            length if says_hair else UNSAID,
            hair if says_color else UNSAID,
            glasses if says_glasses else UNSAID,
            background if says_background else UNSAID,
        ),
    )


def spoiled_caption(kind: str, rng: Random) -> Caption:
    """Draw one of `SPOILED[kind]`. It claims only the kind."""
    index = 1 + list(SPOILED).index(kind)
    return Caption(rng.choice(SPOILED[kind]), (index, *[UNSAID] * 6))  # type: ignore[arg-type]

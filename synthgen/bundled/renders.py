"""Renders of the world as a labelled set: what is drawn, and what a row of its metadata says of it."""

from collections.abc import Iterator, Mapping
from random import Random

import numpy as np
from PIL import Image

from synthgen.bundled.mixture import evenly, skewed
from synthgen.bundled.world import Person, Scene, render


def scenes(seed: int, *, even: bool) -> Iterator[Scene]:
    """Draw without end. The n-th scene depends on the seed alone, and never on how many are taken.

    Args:
        even: people as `evenly` yields them, and not as `skewed` draws them.
    """
    people = evenly(Random(f"{seed}/people")) if even else None
    number = 0
    while True:
        rng = Random(f"{seed}/{number}")
        person = next(people) if people is not None else skewed(rng)
        yield render(person, rng)
        number += 1


def row_of(scene: Scene, image: str, mask: str) -> Mapping[str, object]:
    """Describe a scene by JSON types, as a row of an image folder's metadata.

    Args:
        image, mask: the paths of the files, relative to the metadata.
    """
    person = scene.person
    return {
        "file_name": image,
        "mask_file_name": mask,
        "label": person.occupation,
        "boxes": [scene.box],
        "head_boxes": [scene.head],
        "skin_tone": person.skin,
        "hair_length": person.hair_length,
        "hair_color": person.hair_color,
        "glasses": "yes" if person.glasses else "no",
        "background": person.background,
        "caption": caption_of(person),
    }


def caption_of(person: Person) -> str:
    """Describe a person in the words of the world's captions, without what is around them."""
    hair = "a bald head" if person.hair_color is None else f"{person.hair_length} {person.hair_color} hair"
    glasses = "wearing glasses" if person.glasses else "without glasses"
    return f"a {person.occupation} with {person.skin} skin and {hair} {glasses}"


def mask_of(scene: Scene) -> Image.Image:
    """Draw the mask of the person in grey: 255 where the person is, else 0."""
    return Image.fromarray(scene.mask.astype(np.uint8) * 255)

"""The renderer: its ground truth is true of the pixels."""

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.bundled.mixture import even
from synthgen.bundled.world import OCCUPATIONS, SIZE, Person, render

seeds = st.integers(0, 2**32)


@settings(max_examples=40, derandomize=True, database=None)
@given(seeds)
def test_the_box_bounds_the_mask_inside_the_picture_and_the_head_inside_the_box(seed: int) -> None:
    rng = Random(seed)
    scene = render(even(rng), rng)
    left, top, right, bottom = scene.box
    assert 0 <= left < right <= SIZE
    assert 0 <= top < bottom <= SIZE
    inside = np.zeros((SIZE, SIZE), bool)
    inside[top:bottom, left:right] = True
    assert scene.mask.dtype == bool
    assert not (scene.mask & ~inside).any()
    assert scene.mask[top].any()
    assert scene.mask[bottom - 1].any()
    assert scene.mask[:, left].any()
    assert scene.mask[:, right - 1].any()
    head = scene.head
    assert left <= head[0] < head[2] <= right
    assert top <= head[1] < head[3] <= bottom


@settings(max_examples=40, derandomize=True, database=None)
@given(seeds)
def test_all_but_the_person_is_one_flat_background(seed: int) -> None:
    rng = Random(seed)
    scene = render(even(rng), rng)
    pixels = np.asarray(scene.image).astype(int)
    background = pixels[0, 0]
    # A pixel's breadth around the person is mixed of both, and Lanczos rings a little beyond.
    near = scene.mask.copy()
    for axis in (0, 1):
        for by in (-3, -2, -1, 1, 2, 3):
            shifted = np.roll(scene.mask, by, axis)
            near |= shifted | np.roll(shifted, 1, 1 - axis) | np.roll(shifted, -1, 1 - axis)
    assert np.abs(pixels[~near] - background).max() <= 2


@settings(max_examples=10, derandomize=True, database=None)
@given(seeds)
def test_one_seed_draws_one_picture(seed: int) -> None:
    def draw() -> bytes:
        rng = Random(seed)
        return render(even(rng), rng).image.tobytes()

    assert draw() == draw()


@pytest.mark.parametrize("occupation", OCCUPATIONS)
def test_two_seeds_draw_the_same_person_a_little_differently(occupation: str) -> None:
    person = Person(occupation, "dark", "long", "red", True, "blue")
    one, other = (render(person, Random(seed)) for seed in (1, 2))
    assert one.person == other.person == person
    assert one.image.tobytes() != other.image.tobytes()
    assert one.image.size == (SIZE, SIZE)
    assert one.image.mode == "RGB"

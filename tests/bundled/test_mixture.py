"""The training mixture is skewed, and misdescribed, as its table says."""

from collections import Counter
from itertools import islice, product
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.bundled.mixture import (
    CONFUSED_WITH,
    RARE,
    SKEW,
    WRONG_ATTRIBUTE,
    WRONG_OCCUPATION,
    even,
    evenly,
    is_rare,
    misdescribed,
    skewed,
)
from synthgen.bundled.world import BACKGROUNDS, HAIR_LENGTHS, OCCUPATIONS, SKINS

PEOPLE = 12_000


def test_the_table_has_every_occupation_and_its_rows_sum_to_a_hundred() -> None:
    assert tuple(SKEW) == OCCUPATIONS
    for skew in SKEW.values():
        assert sum(skew.skins) == sum(skew.hair_lengths) == 100
        assert 0 < skew.glasses < 100


def test_sampled_shares_are_those_of_the_table() -> None:
    rng = Random(0)
    people = [skewed(rng) for _ in range(PEOPLE)]
    for occupation, skew in SKEW.items():
        own = [person for person in people if person.occupation == occupation]
        assert len(own) / PEOPLE == pytest.approx(1 / 6, abs=0.015)
        skins, lengths = Counter(one.skin for one in own), Counter(one.hair_length for one in own)
        # Four standard errors of a share among 2,000.
        assert [100 * skins[skin] / len(own) for skin in SKINS] == pytest.approx(skew.skins, abs=4.5)
        assert [100 * lengths[one] / len(own) for one in HAIR_LENGTHS] == pytest.approx(skew.hair_lengths, abs=4.5)
        assert 100 * sum(one.glasses for one in own) / len(own) == pytest.approx(skew.glasses, abs=4.5)


def test_even_people_are_even() -> None:
    rng = Random(0)
    people = [even(rng) for _ in range(PEOPLE)]
    for values, seen in (
        (OCCUPATIONS, Counter(one.occupation for one in people)),
        (SKINS, Counter(one.skin for one in people)),
        (HAIR_LENGTHS, Counter(one.hair_length for one in people)),
        (BACKGROUNDS, Counter(one.background for one in people)),
    ):
        assert [seen[value] / PEOPLE for value in values] == pytest.approx([1 / len(values)] * len(values), abs=0.02)
    assert all((one.hair_color is None) == (one.hair_length == "bald") for one in people)


@settings(max_examples=25, derandomize=True, database=None, deadline=None)
@given(count=st.integers(1, 240), seed=st.integers(0, 2**32))
def test_however_many_people_are_taken_their_cells_differ_by_at_most_one(count: int, seed: int) -> None:
    people = [*islice(evenly(Random(seed)), count)]
    values: list[tuple[str | bool, ...]] = [OCCUPATIONS, SKINS, HAIR_LENGTHS, (False, True)]
    for depth in range(1, len(values) + 1):
        seen = Counter((one.occupation, one.skin, one.hair_length, one.glasses)[:depth] for one in people)
        counts = [seen[cell] for cell in product(*values[:depth])]
        assert max(counts) - min(counts) <= 1
    assert all((one.hair_color is None) == (one.hair_length == "bald") for one in people)


def test_few_people_taken_evenly_have_even_attributes_by_themselves() -> None:
    people = [*islice(evenly(Random("0/people")), 24)]
    assert sorted(Counter(one.skin for one in people).values()) == [8, 8, 8]
    assert sorted(Counter(one.glasses for one in people).values()) == [12, 12]
    assert min(Counter(one.hair_length for one in people).values()) >= 7
    assert min(Counter(one.background for one in people).values()) >= 4


def test_confusion_goes_both_ways() -> None:
    assert set(CONFUSED_WITH) == set(OCCUPATIONS)
    assert all(CONFUSED_WITH[other] == one != other for one, other in CONFUSED_WITH.items())


def test_captions_are_wrong_as_often_as_documented() -> None:
    rng = Random(0)
    pairs = [(person, misdescribed(person, rng)) for person in (skewed(rng) for _ in range(PEOPLE))]
    wrong = [(one, said) for one, said in pairs if one.occupation != said.occupation]
    assert len(wrong) / PEOPLE == pytest.approx(WRONG_OCCUPATION, abs=0.02)
    assert all(said.occupation == CONFUSED_WITH[one.occupation] for one, said in wrong)
    # One in three draws of three skin tones is right by chance.
    other_skin = sum(one.skin != said.skin for one, said in pairs) / PEOPLE
    assert other_skin == pytest.approx(WRONG_ATTRIBUTE * 2 / 3, abs=0.008)
    assert all((said.hair_color is None) == (said.hair_length == "bald") for _, said in pairs)
    assert all(one.glasses == said.glasses and one.background == said.background for one, said in pairs)


def test_rare_combinations_are_those_of_the_table() -> None:
    rare = {(job, skin) for job in OCCUPATIONS for skin in SKINS if is_rare(job, skin)}
    assert ("doctor", "dark") in rare
    assert ("doctor", "light") not in rare
    assert all(SKEW[job].skins[SKINS.index(skin)] <= RARE for job, skin in rare)

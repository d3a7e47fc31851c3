"""Captions claim only what is so, in words that the tokenizer knows whole."""

import re
from collections.abc import Iterator
from dataclasses import replace
from random import Random

import pytest
from transformers import CLIPTokenizer

from synthgen.bundled.captions import BARE, SPOILED, UNSAID, Caption, caption, facts, spoiled_caption
from synthgen.bundled.mixture import even
from synthgen.bundled.train.tokens import CONTEXT, build_tokenizer
from synthgen.bundled.world import BACKGROUNDS, HAIR_COLORS, HAIR_LENGTHS, OCCUPATIONS, SKINS, Person

WORDS = (OCCUPATIONS, SKINS, HAIR_LENGTHS, HAIR_COLORS, None, BACKGROUNDS)
"""The words of each claim after the first, but for glasses."""


def described(count: int, seed: int = 0) -> Iterator[tuple[Person, Caption]]:
    rng = Random(seed)
    for _ in range(count):
        person = even(rng)
        yield person, caption(person, rng)


@pytest.fixture(scope="module")
def tokenizer() -> CLIPTokenizer:
    return build_tokenizer()


def test_a_claim_is_true_of_the_person() -> None:
    for person, said in described(2000):
        for claim, fact in zip(said.claims, facts(person), strict=True):
            assert claim in {UNSAID, fact}, said.text


def test_the_claims_are_what_the_text_says_no_more_and_no_less() -> None:
    for _, said in described(2000):
        kind, *claims = said.claims
        assert kind == 0
        for claim, words in zip(claims, WORDS, strict=True):
            if words is not None:
                named = [word for word in words if re.search(rf"\b{word}\b", said.text)]
                assert named == ([] if claim == UNSAID else [words[claim]]), said.text
        glasses = claims[4]
        expected = {UNSAID: "", 0: "without glasses", 1: "wearing glasses"}[glasses]
        assert expected in said.text
        assert ("glasses" in said.text) == (glasses != UNSAID)


def test_the_hair_of_the_bald_is_never_spoken_of() -> None:
    rng = Random(1)
    bald = [replace(even(rng), hair_length="bald", hair_color=None) for _ in range(500)]
    texts = [caption(person, rng).text for person in bald]
    assert not [text for text in texts if "hair" in text or any(color in text for color in HAIR_COLORS)]
    assert any("bald" in text for text in texts)


def test_articles_fit_their_nouns() -> None:
    texts = {said.text for _, said in described(2000)}
    assert any(text.startswith("an image of a ") for text in texts)
    assert not [text for text in texts if re.search(r"\ba [aeiou]|\ban [^aeiou]", text)]


def test_the_documented_share_of_captions_is_bare() -> None:
    bare = [said.claims[1] != UNSAID and set(said.claims[2:]) == {UNSAID} for _, said in described(4000)]
    # Beside those that are bare on purpose, some of the rest happen to mention nothing.
    expected = BARE + (1 - BARE) * 0.94 * 0.3 * 0.35 * 0.6 * 0.65
    assert sum(bare) / len(bare) == pytest.approx(expected, abs=0.03)


@pytest.mark.parametrize("kind", SPOILED)
def test_a_spoiled_pictures_caption_claims_its_kind_alone(kind: str) -> None:
    said = spoiled_caption(kind, Random(0))
    assert said.text in SPOILED[kind]
    assert said.claims == (1 + list(SPOILED).index(kind), *[UNSAID] * 6)


def test_every_caption_fits_the_context_and_every_word_is_one_token(tokenizer: CLIPTokenizer) -> None:
    texts = {said.text for _, said in described(4000, seed=2)} | {text for kind in SPOILED.values() for text in kind}
    longest = max(len(tokenizer(text).input_ids) for text in texts)
    assert longest <= CONTEXT
    words = {word for text in texts for word in text.split()}
    split = {word: tokenizer.tokenize(word) for word in words if len(tokenizer.tokenize(word)) != 1}
    assert not split


def test_the_tokenizer_is_the_same_each_time_and_loses_no_text(tokenizer: CLIPTokenizer) -> None:
    assert build_tokenizer().get_vocab() == tokenizer.get_vocab()
    ids = tokenizer("A Doctor, 100% zany: é").input_ids
    assert ids[0] == tokenizer.bos_token_id
    assert ids[-1] == tokenizer.eos_token_id == len(tokenizer) - 1  # CLIP pools where the highest id stands
    assert str(tokenizer.decode(ids[1:-1])).replace(" ", "") == "adoctor,100%zany:é"

"""A CLIP tokenizer with its own vocabulary: one token per word of the captions, and bytes for all other text."""

import json
from random import Random

from tokenizers import Tokenizer, pre_tokenizers, trainers
from tokenizers.models import BPE
from transformers import CLIPTokenizer

from synthgen.bundled.captions import SPOILED, caption
from synthgen.bundled.mixture import even

CONTEXT = 32
"""Tokens per caption, including the first and the last. The longest caption of the world has 22."""

_PAD, _BEGIN, _END = "<|pad|>", "<|startoftext|>", "<|endoftext|>"


def build_tokenizer() -> CLIPTokenizer:
    """Learn the merges from captions, with the same result on every machine."""
    rng = Random(0)
    texts = [caption(even(rng), rng).text for _ in range(2000)]
    texts += [text for several in SPOILED.values() for text in several]
    learner = Tokenizer(BPE(end_of_word_suffix="</w>"))
    learner.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.BpeTrainer(vocab_size=4000, end_of_word_suffix="</w>", show_progress=False)
    learner.train_from_iterator(texts, trainer)
    merges = [tuple(pair) for pair in _merges(learner)]
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = [_PAD, *letters, *(f"{letter}</w>" for letter in letters), *("".join(pair) for pair in merges)]
    # The end token has the highest id: CLIP takes a text's features where the highest id is.
    words = [*dict.fromkeys(words), _BEGIN, _END]
    return CLIPTokenizer(
        vocab={word: index for index, word in enumerate(words)},
        merges=merges,  # type: ignore[arg-type] # pairs are what it takes, whatever it says
        pad_token=_PAD,
        model_max_length=CONTEXT,
    )


def _merges(tokenizer: Tokenizer) -> list[list[str]]:
    merges: list[list[str]] = json.loads(tokenizer.to_str())["model"]["merges"]
    return merges

"""Tokens of texts, counted with a model's own tokenizer: without its weights, and without torch."""

import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import TypeGuard

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from synthgen.bounded import read_bounded, read_object

_MOST_BYTES = 1 << 26
"""Of a tokenizer: Gemma's has 34 MB."""
_BEGIN, _END = "<|startoftext|>", "<|endoftext|>"
_PIECES = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
"""What CLIP's tokenizer splits a text into before it looks up parts of words."""
_MERGES = 49152 - 256 - 2
"""Of CLIP's vocabulary, in the file that open_clip has."""


@dataclass(frozen=True, slots=True)
class Cut:
    """What an encoder does not read of a text.

    Attributes:
        tokens: how many the text has, with what is written around it.
        limit: how many are read.
        falls: the part of the text that is not read.
    """

    tokens: int
    limit: int
    falls: str


@dataclass(frozen=True)
class Counter:
    """Counts the tokens of texts.

    Args:
        bare: whether the tokenizer's own marks are left out.
        before: what is written before each text.
        after: what is written behind it.
        lower: whether the pipeline makes texts lower case.
    """

    tokenizer: Tokenizer
    bare: bool = False
    before: str = ""
    after: str = ""
    lower: bool = False

    def cuts(self, texts: Sequence[str], limit: int) -> dict[str, Cut]:
        """Return what is cut off texts, for those of which something is."""
        long = [text for text in texts if not text.isascii() or self._most(text) > limit]
        found = self.tokenizer.encode_batch_fast(
            [self._written(text) for text in long], add_special_tokens=not self.bare
        )
        counts = {text: len(one.ids) for text, one in zip(long, found, strict=True)}
        return {text: Cut(count, limit, self._falls(text, limit)) for text, count in counts.items() if count > limit}

    def count(self, text: str) -> int:
        return len(self.tokenizer.encode(self._written(text), add_special_tokens=not self.bare).ids)

    def _written(self, text: str) -> str:
        return self.before + (text.lower().strip() if self.lower else text) + self.after

    def _most(self, text: str) -> int:
        """Return as many tokens as an ASCII text could have at most: one for each letter."""
        return len(self.before) + len(text) + len(self.after) + self._marks + 2

    @cached_property
    def _marks(self) -> int:
        return 0 if self.bare else len(self.tokenizer.encode("").ids)

    def _falls(self, text: str, limit: int) -> str:
        """Return the end of a text that is not read: whole words, from the first that is not there in full."""
        whole = self.tokenizer.encode(self.before + (text.lower() if self.lower else text), add_special_tokens=False)
        places = [start for start, _ in whole.offsets]
        at = places[max(0, min(limit - self._marks, len(places) - 1))] - len(self.before)
        at = max(0, min(at, len(text)))
        while at and not text[at - 1].isspace() and not text[at : at + 1].isspace():
            at -= 1
        return text[at:].strip()


_KINDS = (("tokenizer.json",), ("vocab.json", "merges.txt"))
"""The files of a tokenizer: the library's own, or those of CLIP."""


def tokenizer_of(folder: Path) -> Tokenizer | None:
    """Open the tokenizer in a folder; None if it is of a kind that cannot be opened without its library.

    It is data: nothing of it can run code.
    """
    names = next((kind for kind in _KINDS if all((folder / name).is_file() for name in kind)), ())
    try:
        files = [read_bounded(folder / name, _MOST_BYTES) for name in names]
    except OSError:
        return None
    return _opened(files) if files else None


def _opened(files: Sequence[bytes]) -> Tokenizer | None:
    """Open a tokenizer from the content of its files, in the order of their names in `_KINDS`."""
    try:
        if len(files) == 1:
            tokenizer = Tokenizer.from_buffer(files[0])
            tokenizer.no_truncation()
            tokenizer.no_padding()
            return tokenizer
        vocabulary, merges = files
        words = json.loads(vocabulary)
        return _clip(words, merges.decode("utf-8").splitlines()) if _numbers_words(words) else None
    except (ValueError, RecursionError):
        return None


def length_of(folder: Path) -> object:
    """Return how many tokens a tokenizer says that its model reads; None if it says nothing."""
    try:
        return read_object(folder / "tokenizer_config.json").get("model_max_length")
    except (OSError, ValueError):
        return None


@cache
def clip_tokenizer() -> Tokenizer | None:
    """Return the tokenizer of all of open_clip's own CLIP judges; None if the file has another place."""
    spec = find_spec("open_clip")
    file = Path(spec.origin or "").parent / "bpe_simple_vocab_16e6.txt.gz" if spec else None
    if file is None or not file.is_file():
        return None
    with gzip.open(file, "rt", encoding="utf-8", newline="\n") as lines:  # the rest of them is never read
        merges = [line.rstrip("\n") for line in islice(lines, 1, _MERGES + 1)]
    letters = _letters()
    words = [*letters, *(f"{letter}</w>" for letter in letters), *(merge.replace(" ", "") for merge in merges)]
    return _clip({word: at for at, word in enumerate([*words, _BEGIN, _END])}, merges)


def _letters() -> list[str]:
    """Return the letters that stand for bytes, in their order in CLIP's vocabulary."""
    shown = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    hidden = [byte for byte in range(256) if byte not in shown]
    return [*map(chr, shown), *(chr(256 + at) for at in range(len(hidden)))]


def _numbers_words(vocabulary: object) -> TypeGuard[dict[str, int]]:
    """Whether this is what a vocabulary is: words, each with its number."""
    if not isinstance(vocabulary, dict):
        return False
    return all(type(number) is int and 0 <= number < 2**32 for number in vocabulary.values())


def _clip(vocabulary: Mapping[str, int], merges: Sequence[str]) -> Tokenizer | None:
    """Make CLIP's tokenizer, as transformers makes it; None if the vocabulary is another one's."""
    if _END not in vocabulary or _BEGIN not in vocabulary:
        return None
    lines = [line.split() for line in merges if line and not line.startswith("#version")]
    pairs = [(line[0], line[1]) for line in lines if len(line) == 2]
    # What the library would refuse by an exception that has no kind of its own.
    if any(part not in vocabulary for pair in pairs for part in (*pair, "".join(pair))):
        return None
    tokenizer = Tokenizer(
        models.BPE(
            vocab=dict(vocabulary),
            merges=pairs,
            end_of_word_suffix="</w>",
            unk_token=_END,
        )
    )
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_PIECES), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    marks = [(_BEGIN, vocabulary[_BEGIN]), (_END, vocabulary[_END])]
    tokenizer.add_special_tokens([AddedToken(name, special=True) for name, _ in marks])
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{_BEGIN} $A {_END}", special_tokens=marks)
    return tokenizer

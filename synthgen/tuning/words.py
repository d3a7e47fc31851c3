"""A new word for a class that the model has no word for: its embedding is learnt, and nothing else.

That is textual inversion (Gal et al. 2022, arXiv 2208.01618).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from synthgen.errors import ModelError, UsageError
from synthgen.models.door_adapters import add_word
from synthgen.tuning.denoiser import Condition, TunedDenoiser
from synthgen.tuning.settings import LearntWord

if TYPE_CHECKING:
    from diffusers import DiffusionPipeline
    from transformers import CLIPTextModel, CLIPTokenizer

_TAUGHT = ("StableDiffusionPipeline", "StableDiffusionXLPipeline")
"""Pipelines whose prompts go through CLIP alone, whose table of embeddings takes new rows."""
_WORD = re.compile(r"[^\s{}|\"'\\]{2,60}")
_HINT = "Such as `word='axolotl=<axolotl>'`: a class of the images, and a word that no text has by chance."


@dataclass(frozen=True, slots=True)
class PromptCondition(Condition):
    """An encoded text, and the text itself: what it is encoded as changes while a word of it is learnt."""

    prompt: str


class WordDenoiser(TunedDenoiser):
    """A denoiser that stays as it is, and the embeddings of one word, which alone are trained.

    Args:
        pipeline: as `TunedDenoiser` takes it. Its tokenizers are given the word, whose embedding begins as the mean of
            those of the class's name.

    Raises:
        UsageError: the word is one that the model has already.
    """

    def __init__(
        self, pipeline: DiffusionPipeline, size: int, device: torch.device, dtype: torch.dtype, word: LearntWord
    ) -> None:
        super().__init__(pipeline, size, device, dtype)
        self._word = word
        self._learnt: dict[str, nn.Parameter] = {}
        for name, tokenizer, encoder in _encoders(pipeline):
            _check_new(word.token, tokenizer)
            places = tokenizer(word.class_name, add_special_tokens=False).input_ids
            table = encoder.get_input_embeddings()
            assert isinstance(table, nn.Embedding)
            start = table.weight.detach()[places].float().mean(0)
            with torch.random.fork_rng(devices=[]):  # the new row is drawn before it is set
                add_word(pipeline, start, token=word.token, end=name.removeprefix("text_encoder"))
            encoder.requires_grad_(False)
            learnt = self._learnt[name] = nn.Parameter(start.clone())
            place = tokenizer.convert_tokens_to_ids(word.token)
            assert isinstance(place, int)
            encoder.get_input_embeddings().register_forward_hook(_replacing(place, learnt))

    def check_read(self, prompts: Sequence[str]) -> None:
        """Check that the tokenizers find the word in prompts.

        Raises:
            UsageError: one does not.
        """
        for _, tokenizer, _ in _encoders(self.pipeline):
            place = tokenizer.convert_tokens_to_ids(self._word.token)
            for prompt in prompts:
                if place not in tokenizer(prompt, truncation=True).input_ids:
                    what = f"the model's tokenizer does not find {self._word.token!r} in {prompt!r}"
                    raise UsageError(what, argument="word", hint="Write it in small letters, with spaces around it.")

    def lora(self) -> dict[str, nn.Parameter]:
        """The embeddings of the word, by the name of their text encoder."""
        return dict(self._learnt)

    def conditions(self, texts: Sequence[str]) -> list[Condition]:
        """Encode texts as they are now; the last one is that of no text."""
        *found, unguided = super().conditions(texts)
        named = zip(found, texts, strict=True)
        return [*(PromptCondition(one.text, one.pooled, text) for one, text in named), unguided]

    def loss(self, clean: Tensor, noise: Tensor, times: Tensor, conditions: Sequence[Condition]) -> Tensor:
        """The mean squared error of each image, [n], with its text encoded as it is now."""
        texts = {one.prompt for one in conditions if isinstance(one, PromptCondition)}
        now = {text: self._encoded(text) for text in sorted(texts)}
        return super().loss(
            clean, noise, times, [now[one.prompt] if isinstance(one, PromptCondition) else one for one in conditions]
        )

    def _encoded(self, text: str) -> Condition:
        given = self.pipeline.encode_prompt(
            prompt=text, device=self.device, num_images_per_prompt=1, do_classifier_free_guidance=False
        )
        return Condition(given[0][0], given[2][0] if len(given) == 4 else None)


def check_teachable(model: str, pipeline: str) -> None:
    """Refuse a model that learns no words.

    Raises:
        ModelError: its texts go through other encoders than CLIP.
    """
    if pipeline not in _TAUGHT:
        hint = "Leave `word` out, or choose a Stable Diffusion 1, 2 or XL."
        raise ModelError(f"{model} is a {pipeline}, which tune teaches no words", hint=hint)


def word_of(text: str) -> LearntWord:
    """Read a class and its word.

    Raises:
        UsageError: it is something else.
    """
    name, _, token = text.rpartition("=")
    if not name.strip() or not _WORD.fullmatch(token):
        raise UsageError(f"expected CLASS=WORD, the word without spaces, found {text!r}", argument="word", hint=_HINT)
    return LearntWord(name.strip(), token)


def _check_new(token: str, tokenizer: CLIPTokenizer) -> None:
    known = tokenizer.get_vocab()
    if token in known or f"{token.casefold()}</w>" in known:
        raise UsageError(f"the model has the word {token!r} already", argument="word", hint=_HINT)


def _encoders(pipeline: DiffusionPipeline) -> Iterator[tuple[str, CLIPTokenizer, CLIPTextModel]]:
    for end in ("", "_2"):
        if (encoder := getattr(pipeline, f"text_encoder{end}", None)) is not None:
            yield f"text_encoder{end}", getattr(pipeline, f"tokenizer{end}"), encoder


def _replacing(place: int, learnt: nn.Parameter) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], Tensor]:
    """Return a hook that puts the embedding that is learnt in the place of the word's row."""

    def replace(_: nn.Module, given: tuple[Tensor, ...], embedded: Tensor) -> Tensor:
        return torch.where((given[0] == place)[..., None], learnt.to(embedded.dtype), embedded)

    return replace

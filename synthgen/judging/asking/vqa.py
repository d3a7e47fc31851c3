"""A model that answers questions about images: the odds of 'yes', and the probabilities of numbers."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from synthgen.errors import ModelError, UsageError
from synthgen.judging.asking.folder import Eyes
from synthgen.judging.asking.opening import OpenedModel, on_device, open_asked
from synthgen.judging.asking.questions import NUMBERS, Form, Question
from synthgen.models.device import in_batches, open_device
from synthgen.models.door import ModelKind
from synthgen.stats.search import Vectors

if TYPE_CHECKING:
    from PIL.Image import Image

_AT_ONCE = 16
_LEAST = -60.0
"""Log probabilities below this count as this: scores are finite."""
_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_BRIEF = " Please answer yes or no."
_NUMBER_ONLY = " Please answer with a number."


class VqaModel:
    """A judge that is asked in words.

    A classifier of answers, such as ViLT, gives the odds of its labels 'yes' and 'no'. A model that writes, such as
    BLIP, gives those of its first token.

    Args:
        locate: gives its folder; called on first use, since it may download.

    Raises:
        UsageError, ModelError, DeviceError: on first use, as `open_asked`; a question is too long.
    """

    def __init__(self, judge: str, eyes: Eyes, locate: Callable[[], Path], device: str) -> None:
        self._judge, self._eyes, self._locate, self._device = judge, eyes, locate, device
        self._most = _AT_ONCE

    @cached_property
    def _opened(self) -> OpenedModel:
        from transformers.models.auto.modeling_auto import MODEL_FOR_VISUAL_QUESTION_ANSWERING_MAPPING_NAMES as TRAINED

        chat = self._eyes.model_type not in TRAINED
        kind = ModelKind.WRITER if chat else ModelKind.ANSWERS
        opened = open_asked(self._judge, self._locate(), kind, ModelKind.PROCESSOR, open_device(self._device))
        opened.processor.tokenizer.padding_side = "left" if chat else "right"
        return opened

    @torch.inference_mode()
    def ask(self, pictures: Sequence["Image"], question: Question) -> Vectors:
        """Score RGB pictures, at least one: float32 [n, the question's width]."""
        device = next(self._opened.model.parameters()).device
        words = self._words(question)

        def score(part: slice) -> Tensor:
            some = list(pictures[part])
            inputs = on_device(self._inputs(some, words), self._opened.model)
            return self._scores(self._logits(inputs), question).cpu()

        found, most = in_batches(
            score, len(pictures), min(len(pictures), self._most), device, "judging", "Choose a smaller judge."
        )
        if most < len(pictures):
            self._most = most
        scores: Vectors = np.clip(torch.stack(found).float().numpy(), _LEAST, -_LEAST).astype(np.float32)
        return scores

    def _words(self, question: Question) -> str:
        """Word a question as this kind of model was trained to be asked."""
        if not self._chats:
            return f"Question: {question.words} Answer:" if self._eyes.model_type == "blip-2" else question.words
        return question.words + (_NUMBER_ONLY if question.form is Form.COUNTS else _BRIEF)

    @property
    def _chats(self) -> bool:
        return self._eyes.model_type not in ("blip", "blip-2", "vilt")

    def _inputs(self, pictures: Sequence["Image"], words: str) -> Mapping[str, Tensor]:
        processor = self._opened.processor
        text = words
        if self._chats:
            if not getattr(processor, "chat_template", None):
                hint = "Choose a model that was trained to answer questions, such as vqa:Salesforce/blip-vqa-base."
                raise ModelError(f"judge {self._judge} has no chat template, so it cannot be asked", hint=hint)
            asked = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": words}]}]
            text = processor.apply_chat_template(asked, add_generation_prompt=True)
        else:
            self._check_length(words)
        return processor(images=list(pictures), text=[text] * len(pictures), return_tensors="pt", padding=True)

    def _check_length(self, words: str) -> None:
        """Refuse a question that the model would read only the beginning of."""
        config = self._opened.model.config
        text = getattr(config, "text_config", None) or config
        most = getattr(text, "max_position_embeddings", None)
        tokens = len(self._opened.processor.tokenizer(words)["input_ids"])
        if most is not None and tokens > most:
            what = f"the question {words!r} has {tokens} tokens, and judge {self._judge} reads {most}"
            raise UsageError(what, hint="Describe the value in fewer words.")

    def _logits(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Return logits [n, answers]: of the labels of a classifier, or of the first token of what is written."""
        model = self._opened.model
        if self._eyes.model_type == "vilt":
            return model(**inputs).logits.float()
        written = model.generate(
            **inputs,
            max_new_tokens=1,
            min_new_tokens=None,
            do_sample=False,
            num_beams=1,
            output_logits=True,
            return_dict_in_generate=True,
        )
        return written.logits[0].float()

    def _scores(self, logits: Tensor, question: Question) -> Tensor:
        logs = logits.log_softmax(-1)
        if question.form is Form.SHOWS:
            yes, no = (torch.logsumexp(logs[:, list(self._places(word))], 1) for word in ("yes", "no"))
            return (yes - no)[:, None]
        numbers = [self._places(str(number), _WORDS[number]) for number in range(NUMBERS)]
        of_number = torch.stack([torch.logsumexp(logs[:, list(places)], 1) for places in numbers], dim=1)
        return of_number.log_softmax(1)

    def _places(self, *words: str) -> tuple[int, ...]:
        """Return the labels or tokens that say one of these words alone, in any case.

        Raises:
            ModelError: there is none.
        """
        if self._eyes.labels:
            found = {index for index, label in enumerate(self._eyes.labels) if label.casefold() in words}
        else:
            found = set(self._tokens(words))
        if not found:
            hint = "Choose a model that was trained to answer questions."
            raise ModelError(f"judge {self._judge} has no answer {words[0]!r}", hint=hint)
        return tuple(sorted(found))

    def _tokens(self, words: Sequence[str]) -> list[int]:
        tokenizer = self._opened.processor.tokenizer
        spelled = [f"{space}{form}" for word in words for form in (word, word.capitalize()) for space in ("", " ")]
        encoded = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in spelled]
        return [ids[0] for ids in encoded if len(ids) == 1 and ids[0] != tokenizer.unk_token_id]

"""A language model of transformers, on this machine."""

import logging
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, Protocol, cast

import torch
import transformers
from torch import Tensor

from synthgen.errors import ModelError, UsageError, first_line
from synthgen.expanding.asking import PromptRequest
from synthgen.models.device import device_error, open_device
from synthgen.models.door import ModelKind, open_model

_TOKENS = 64
"""Tokens that a prompt of an answer may have, at most."""
_ROOM = 32
"""Tokens of an answer for which a request must leave room."""


class _Tokenizer(Protocol):
    chat_template: str | None
    eos_token_id: int | None
    pad_token_id: int | None

    def __call__(self, text: str, *, return_tensors: str) -> Mapping[str, Tensor]: ...

    def apply_chat_template(self, messages: object, **given: object) -> object: ...

    def decode(self, tokens: Tensor, *, skip_special_tokens: bool) -> str: ...


class _Config(Protocol):
    max_position_embeddings: int


class _Writes(Protocol):
    config: _Config

    def generate(self, **given: object) -> Tensor: ...


class _OpenedWriter(NamedTuple):
    model: _Writes
    tokenizer: _Tokenizer
    device: torch.device


class LocalWriter:
    """A language model in a folder. It answers on the CPU in float32, elsewhere in its own number format.

    Args:
        model: its name.
        revision: its commit, or the hash of its folder.
        folder: where its files are.

    Raises:
        UsageError, ModelError, DeviceError: on first use, as `write`.
    """

    def __init__(self, model: str, revision: str, folder: Path, device: str, temperature: float) -> None:
        self.model, self.revision = model, revision
        self._folder, self._device, self._temperature = folder, device, temperature

    def write(self, request: PromptRequest, seed: int) -> str:
        """Answer a request.

        Raises:
            UsageError: the files of the model ask for what they may not.
            ModelError: it cannot be loaded, or reads less than a request.
            DeviceError: the device broke, or its memory ran out.
        """
        opened = self._opened
        try:
            return self._write(opened, request, seed)
        except (RuntimeError, torch.OutOfMemoryError) as error:
            if (lost := device_error(error, f"asking {self.model}")) is not None:
                raise lost from error
            raise

    def _write(self, opened: _OpenedWriter, request: PromptRequest, seed: int) -> str:
        inputs = {name: tensor.to(opened.device) for name, tensor in _inputs(opened.tokenizer, request).items()}
        length = inputs["input_ids"].shape[1]
        most = getattr(opened.model.config, "max_position_embeddings", None)
        room = most - length if isinstance(most, int) else _TOKENS * request.count
        if room < _ROOM:
            raise ModelError(
                f"{self.model} reads {most} tokens, and the request has {length}",
                hint="Shorten prompts.expand.instructions, or choose a model that reads more.",
            )

        samples = {"do_sample": True, "temperature": self._temperature} if self._temperature else {"do_sample": False}
        devices = [opened.device] if opened.device.type == "cuda" else []
        with torch.random.fork_rng(devices), torch.inference_mode():
            torch.manual_seed(seed)
            written = opened.model.generate(
                **inputs,
                **samples,
                max_new_tokens=min(room, _TOKENS * request.count),
                pad_token_id=opened.tokenizer.pad_token_id or opened.tokenizer.eos_token_id,
            )
        return opened.tokenizer.decode(written[0, length:], skip_special_tokens=True)

    @cached_property
    def _opened(self) -> _OpenedWriter:
        logging.getLogger("transformers").setLevel(logging.ERROR)
        transformers.utils.logging.disable_progress_bar()
        device = open_device(self._device)
        try:
            return self._open(device)
        except UsageError as error:
            raise UsageError(f"the language model {self.model} is refused:\n{error.message}", hint=error.hint) from None
        except ModelError:
            raise
        except Exception as error:  # from several libraries, each with its own errors about what is in files
            raise device_error(error, f"loading {self.model}") or ModelError(
                f"the language model {self.model} cannot be loaded: {first_line(error)}",
                hint="Give the folder that `save_pretrained` wrote for a causal language model and its tokenizer.",
            ) from error

    def _open(self, device: torch.device) -> _OpenedWriter:
        loaded = open_model(
            ModelKind.TEXT_WRITER,
            self._folder,
            dtype=torch.float32 if device.type == "cpu" else "auto",
            output_loading_info=True,
        )
        model, said = cast("tuple[torch.nn.Module, Mapping[str, list[str]]]", loaded)
        if missing := sorted(said["missing_keys"]) or sorted(map(str, said.get("mismatched_keys", ()))):
            what = f"its weights are those of another kind of model: {missing[0]} is missing, and would be random"
            raise ModelError(f"{self.model}: {what}", hint="Choose a causal language model.")
        tokenizer = cast(_Tokenizer, open_model(ModelKind.TOKENIZER, self._folder))
        model.to(device).eval().requires_grad_(False)
        return _OpenedWriter(cast(_Writes, model), tokenizer, device)


def _inputs(tokenizer: _Tokenizer, request: PromptRequest) -> Mapping[str, Tensor]:
    """Write a request as a model reads it: one that chats is asked, another one goes on with a text."""
    if not getattr(tokenizer, "chat_template", None):
        return {"input_ids": tokenizer(request.beginning(), return_tensors="pt")["input_ids"]}
    given = tokenizer.apply_chat_template(
        request.messages(), add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    found = cast(Mapping[str, Tensor], given)
    return {name: found[name] for name in ("input_ids", "attention_mask")}

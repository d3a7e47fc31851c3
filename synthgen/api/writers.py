"""The language models that a spec can name: an endpoint, a folder, or one on the hub."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from synthgen import models
from synthgen.api.arguments import text_of
from synthgen.errors import ModelError, UsageError, first_line
from synthgen.files import expanded
from synthgen.spec.prompt_file import written_name

if TYPE_CHECKING:
    from synthgen.expanding.asking import PromptWriter
    from synthgen.spec.expand import Expand

_FILES = ("*.json", "*.txt", "*.model", "*.jinja", "*.safetensors")
_CONFIG = "config.json"


def key_of(key_from: str | None, question: Expand) -> str | None:
    """Read the key of an endpoint from the environment variable that the user names.

    Raises:
        UsageError: there is no such variable, or no endpoint.
    """
    if key_from is None:
        return None
    name = text_of(key_from, "key_from", "the name of an environment variable")
    if question.endpoint is None:
        raise UsageError("is for an endpoint, and the spec names a model of transformers", argument="key_from")
    if not (key := os.environ.get(name, "").strip()):
        raise UsageError(f"the environment variable {name} is not set", argument="key_from")
    return key


def origin(address: str) -> str:
    """Return the scheme, the host and the port of an endpoint."""
    from synthgen.expanding.endpoint import origin_of

    return origin_of(address)


def writer_of(question: Expand, device: str, key: str | None, allow: Collection[str]) -> PromptWriter:
    """Find the language model of a spec. One in a folder or from the hub is loaded on first use.

    Raises:
        UsageError: the endpoint is on another machine, and not allowed.
        ModelError: there is no such model, or it cannot be downloaded.
    """
    if question.endpoint is not None:
        from synthgen.expanding.endpoint import Endpoint, check_allowed

        check_allowed(question.endpoint, allow)
        return Endpoint(
            question.endpoint,
            question.name or "",
            key=key,
            timeout=question.timeout,
            temperature=question.temperature,
        )
    model = question.model or ""
    if models.is_folder(model):
        folder = expanded(model)
        if not (folder / _CONFIG).is_file():
            hint = "Give the folder that `save_pretrained` wrote for a causal language model and its tokenizer."
            raise ModelError(f"{folder} is not a model of transformers: it has no {_CONFIG}", hint=hint)
        revision = models.content_hash(folder)
    else:
        source = models.locate(model, question.revision, marks=(_CONFIG,))
        folder, revision = _downloaded(model, source.revision), source.revision

    from synthgen.expanding.writer import LocalWriter

    return LocalWriter(written_name(model), revision, folder, device, question.temperature)


def _downloaded(model: str, commit: str) -> Path:
    from synthgen.models.door import download_files
    from synthgen.models.source import hub_failure

    try:
        return download_files(model, commit, _FILES)
    except (OSError, RuntimeError, ValueError) as error:
        raise hub_failure(error)(
            f"the language model {model} cannot be downloaded: {first_line(error)}",
            hint="Check its name and the network.",
        ) from error

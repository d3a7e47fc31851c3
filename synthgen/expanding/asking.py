"""Asking a language model for prompts of one class until there are enough, or it gives no more that can be used."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from synthgen.expanding.answers import prompts_in
from synthgen.expanding.checks import ClassChecks
from synthgen.spec.expanded import named
from synthgen.spec.prompt_file import WrittenPrompts

AT_ONCE = 20
"""Prompts that are asked for in one request."""
_DRY = 3
"""After so many requests in a row that brought no new prompt, no more follow."""
_SHOWN = 30
"""Prompts that there are already, and names of other classes, that a request shows."""
_SYSTEM = (
    "You write prompts for a text-to-image model. Each prompt is one phrase or sentence that describes one picture. "
    "Answer with a JSON array of strings, and nothing else."
)


@dataclass(frozen=True, slots=True)
class PromptRequest:
    """What a language model is asked.

    Attributes:
        values: words that each prompt must say, by the variable that they are a value of.
        not_again: prompts that there are already.
        others: classes that no prompt may name.
        words: how many a prompt may have; None if it may be long.
    """

    class_name: str
    values: Mapping[str, str]
    count: int
    definition: str | None = None
    instructions: str | None = None
    not_again: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    words: int | None = None

    def messages(self) -> list[dict[str, str]]:
        """Write it for a model that chats."""
        lines = [
            f"Write {self.count} prompts for pictures of: {self.class_name}.",
            f"It means: {self.definition}." if self.definition else "",
            f"Every prompt contains the word or words {json.dumps(self.class_name, ensure_ascii=False)}.",
            *(
                f"Every prompt contains {json.dumps(value, ensure_ascii=False)} ({name})."
                for name, value in self._said()
            ),
            f"No prompt mentions: {', '.join(self.others[:_SHOWN])}." if self.others else "",
            f"Every prompt has at most {self.words} words." if self.words else "",
            "The prompts differ in setting, light, viewpoint, clothing, colours and style of the picture.",
            f"Also: {self.instructions}" if self.instructions else "",
            f"Do not repeat these: {json.dumps(self.not_again[-_SHOWN:], ensure_ascii=False)}"
            if self.not_again
            else "",
        ]
        return [
            {"role": "system", "content": _SYSTEM},
            {"role": "user", "content": "\n".join(filter(None, lines))},
        ]

    def beginning(self) -> str:
        """Write the beginning of a text that a model without chat goes on with."""
        said = "".join(f", {name}: {value}" for name, value in self._said())
        more = f" {self.instructions}" if self.instructions else ""
        return f"Prompts for pictures of {self.class_name}{said}.{more}\n1."

    def _said(self) -> list[tuple[str, str]]:
        return [(name, value) for name, value in self.values.items() if value.strip()]


class PromptWriter(Protocol):
    """A language model.

    Attributes:
        model: its name, in its own words.
        revision: the commit or the hash of its files; None if it does not say.
    """

    @property
    def model(self) -> str: ...

    @property
    def revision(self) -> str | None: ...

    def write(self, request: PromptRequest, seed: int) -> str:
        """Answer a request.

        Raises:
            ModelError, ModelUnavailable, DeviceError: it cannot.
        """
        ...


def ask_for(
    writer: PromptWriter,
    cell: WrittenPrompts,
    wanted: int,
    checks: ClassChecks,
    request: PromptRequest,
    seed: int,
    on_progress: Callable[[int], None] = lambda _: None,
) -> WrittenPrompts:
    """Ask for the prompts that a cell lacks.

    Args:
        cell: what there is, whose prompts `checks` has taken.
        request: what is asked, whatever its count.
        on_progress: called with how many prompts there are.
    """
    texts, refused = list(cell.texts), Counter(cell.refused)
    most, requests, dry = 3 * -(-(wanted - len(texts)) // AT_ONCE) + _DRY, 0, 0

    while len(texts) < wanted and requests < most and dry < _DRY:
        count = min(wanted - len(texts), AT_ONCE)
        before = len(texts)
        asked = replace(request, count=count, not_again=tuple(texts))
        number = cell.requests + requests
        answer = writer.write(asked, _seed(seed, named(cell.of, cell.values), number))
        for text in prompts_in(answer) or [None]:
            if len(texts) == wanted:
                break
            reason = checks.take(text, cell.values)
            if reason is not None:
                refused[reason] += 1
            elif text is not None:
                texts.append(text)
        requests += 1
        dry = dry + 1 if len(texts) == before else 0
        on_progress(len(texts))

    counts = {str(reason): count for reason, count in refused.most_common()}
    return cell.model_copy(update={"texts": tuple(texts), "requests": cell.requests + requests, "refused": counts})


def _seed(seed: int, cell: str, number: int) -> int:
    """A seed of its own for each request."""
    digest = hashlib.blake2b(f"{seed}/{cell}/{number}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 33

"""JSON objects that carry their own sha256 as their last entry: a changed byte is detected without another file."""

import json
import re
from hashlib import sha256
from typing import Any

_KEY = "sha256"
_END = re.compile(rf',\n +"{_KEY}": "([0-9a-f]{{64}})"\n\}}\n')


def seal(text: str) -> str:
    """Add the sha256 of all that comes before it to `text`, an object as `json.dumps` writes it with an indent."""
    body, indent = text.rstrip().removesuffix("\n}"), re.search(r"\n( +)", text)
    assert indent is not None, "it is written with an indent"
    return f'{body},\n{indent[1]}"{_KEY}": "{_digest(body)}"\n}}\n'


def unseal(text: str) -> tuple[dict[str, Any], bool]:
    """Return the object without its sha256, and whether it had one: earlier versions wrote none.

    Its values are `Any`: what they should be is known, and checked, only where it is read.

    Raises:
        ValueError: it is not a JSON object, or its sha256 is not that of the rest.
    """
    try:
        content = json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON from line {error.lineno}, column {error.colno} on") from error
    if not isinstance(content, dict):
        raise ValueError("it is not an object")
    if _KEY not in content:
        return content, False
    begin = text.rfind(",\n")
    end = _END.fullmatch(text, max(begin, 0))
    if end is None or end[1] != _digest(text[:begin]):
        raise ValueError("its sha256 is not the one that it was written with")
    return {key: value for key, value in content.items() if key != _KEY}, True


def is_digest(value: object) -> bool:
    """Whether a value of parsed JSON is a sha256 in lower-case hex."""
    return isinstance(value, str) and re.fullmatch(r"[0-9a-f]{64}", value) is not None


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()

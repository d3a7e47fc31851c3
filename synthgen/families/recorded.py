"""The record of a pipeline's call: every argument that reaches it, and the schedule that it follows."""

import hashlib
import json
import math
import re
from collections.abc import Collection, Mapping

from synthgen.families.call import PipelineCall
from synthgen.families.signature import Expression
from synthgen.families.table import Guidance
from synthgen.spec import FixedModel

PER_IMAGE = frozenset({"prompt", "negative_prompt", "generator"})
"""The arguments that differ between images. Their row in the ledger has them: prompt, negative prompt and seed."""
_OF_THE_CALLER = re.compile("callback|^output_type$|^return_dict$")
"""Arguments that say how images are handed over, and do not change them."""


def recorded_call(
    call: PipelineCall, model: FixedModel, written: Collection[str], height: int, width: int
) -> dict[str, object]:
    """Return every argument that reaches the pipeline, by name: what the spec sets, and its own defaults.

    Arguments without a value are left out, and so are those that each image has for itself. `negative_prompt` is what
    stands for none where an image has none, and guidance needs one.

    Args:
        written: the keys of `model` that the spec's author set.
    """
    reached = {**call.takes, **call.arguments(model, written, height, width)}
    facts = {
        name: value for name, value in reached.items() if name not in PER_IMAGE and not _OF_THE_CALLER.search(name)
    }
    if call.guidance is Guidance.TRUE and call.is_guided(model, written):
        facts["negative_prompt"] = call.blank
    return {name: value for name, value in sorted(facts.items()) if value is not None and _is_plain(value)}


def recorded_settings(config: Mapping[str, object]) -> dict[str, object]:
    """Return what a part of a pipeline is configured to, such as its scheduler, by name.

    Names that begin with an underscore are diffusers' own notes: where it was loaded from, and by which version.
    """
    own = {name: value for name, value in sorted(config.items()) if not name.startswith("_")}
    return {name: value if _is_plain(value) else _digest(value) for name, value in own.items()}


def as_text(facts: Mapping[str, object]) -> str:
    """Write facts as JSON on one line.

    Example:
        >>> as_text({"guidance_scale": 2.0, "num_inference_steps": 20})
        '{"guidance_scale": 2.0, "num_inference_steps": 20}'
    """
    return json.dumps(facts, ensure_ascii=False)


def _digest(value: object) -> str:
    """Stand for a value that is long, or none of JSON's, such as the noise levels of a thousand steps."""
    return "sha256:" + hashlib.sha256(repr(value).encode()).hexdigest()[:32]


def _is_plain(value: object) -> bool:
    """Whether a value is one of JSON's, and no long list."""
    if isinstance(value, list | tuple):
        return len(value) <= 64 and all(_is_plain(one) for one in value)
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or (isinstance(value, str | int) and not isinstance(value, Expression))

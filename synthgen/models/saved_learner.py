"""Learners that `evaluate` saved: linear classifiers of a judge's embeddings, as safetensors. Data, and no code."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np

from synthgen.bounded import near_name, read_bounded
from synthgen.errors import UsageError
from synthgen.files import expanded
from synthgen.models.weight_headers import parsed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

ENDING = ".safetensors"
MOST_BYTES = 64 * 2**20
_FORMAT = "synthgen learner 1"
_HINT = "`synthgen evaluate` writes such a file: see 'Save the learner' in docs/evaluate.md."
_WEIGHT, _BIAS = "weight", "bias"


@dataclass(frozen=True, slots=True, eq=False)
class SavedLearner:
    """A linear classifier of embeddings of length 1.

    Attributes:
        classes: in the order of rows.
        judge, revision: whose embeddings it learned.
        weight, bias: of the logits, float32 [classes, width] and [classes].
        sha256: of its file, `sha256:` and hex; empty before it is written.
    """

    classes: tuple[str, ...]
    judge: str
    revision: str
    weight: NDArray[np.float32]
    bias: NDArray[np.float32]
    sha256: str = ""

    def as_bytes(self) -> bytes:
        """Return the content of its file."""
        from safetensors.numpy import save

        about = {
            "format": _FORMAT,
            "classes": json.dumps(self.classes, ensure_ascii=False),
            "judge": self.judge,
            "revision": self.revision,
        }
        tensors = {_WEIGHT: self.weight.astype(np.float32), _BIAS: self.bias.astype(np.float32)}
        return bytes(save(tensors, metadata=about))

    def rows_of(self, classes: Sequence[str]) -> SavedLearner:
        """Return the same learner, which chooses between these of its classes alone.

        Raises:
            ValueError: there are fewer than two, or it does not know one of them.
        """
        if len(classes) < 2:
            raise ValueError(f"it chooses between classes, and the spec has only {classes[0]!r}")
        if unknown := [name for name in classes if name not in self.classes]:
            theirs = ", ".join(map(repr, self.classes[:6])) + (", ..." if len(self.classes) > 6 else "")
            raise ValueError(f"it does not know the class {unknown[0]!r}, only {theirs}")
        rows = [self.classes.index(name) for name in classes]
        return SavedLearner(tuple(classes), self.judge, self.revision, self.weight[rows], self.bias[rows], self.sha256)


def read_learner(path: str) -> SavedLearner:
    """Read a saved learner: numbers and names, checked before they are used.

    Raises:
        UsageError: it cannot be read, or is something else.
    """
    file = expanded(path)
    try:
        data = read_bounded(file, MOST_BYTES)
        return _parsed(data)
    except FileNotFoundError:
        near = near_name(file.name, [each.name for each in file.parent.iterdir()] if file.parent.is_dir() else [])
        hint = f"Did you mean {near}? {_HINT}" if near else _HINT
        raise UsageError(f"there is no file {path}", hint=hint) from None
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", hint=_HINT) from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not a saved learner: {error}", hint=_HINT) from error


def _parsed(data: bytes) -> SavedLearner:
    """Raises ValueError: it is something else; the message says why."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    shapes, about = parsed(io.BytesIO(data), len(data))
    if about.get("format") != _FORMAT:
        raise ValueError(f"its format is {about.get('format', 'not given')[:40]!r}, and not {_FORMAT!r}")
    classes = json.loads(about.get("classes", ""))
    if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
        raise ValueError("its classes are not a list of names")
    if len(classes) < 2 or len(set(classes)) < len(classes):
        raise ValueError("its classes are not two or more different names")
    shape = shapes.get(_WEIGHT, ())
    if set(shapes) != {_WEIGHT, _BIAS} or len(shape) != 2 or shape[0] != len(classes) or not shape[1]:
        raise ValueError(f"its weights are not those of {len(classes):,} classes")
    if shapes[_BIAS] != (len(classes),):
        raise ValueError(f"its biases are not those of {len(classes):,} classes")

    try:
        tensors = load(data)
    except SafetensorError as error:
        raise ValueError(str(error)) from error
    weight, bias = tensors[_WEIGHT], tensors[_BIAS]
    if (
        weight.dtype != np.float32
        or bias.dtype != np.float32
        or not (np.isfinite(weight).all() and np.isfinite(bias).all())
    ):
        raise ValueError("its weights are not finite numbers of 32 bits")
    judge, revision = about.get("judge", ""), about.get("revision", "")
    return SavedLearner(tuple(classes), judge, revision, weight, bias, f"sha256:{sha256(data).hexdigest()}")

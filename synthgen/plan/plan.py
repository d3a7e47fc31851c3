"""`Plan`: what will be made, decided before anything is. It holds rules, not rows: its size grows with no count."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from pydantic import ValidationError

from synthgen.errors import StorageError
from synthgen.plan.cells import cells_of
from synthgen.records import Cell, Shard
from synthgen.spec import Spec

FORMAT = 2
WINDOW = 32
"""How many attempts back the verdicts lie that may decide what an attempt aims at: the largest batch."""

NOT_IN_FINGERPRINT: Mapping[str, str] = {
    "model.batch_size": "changes speed; the candidates and their noise are the same",
    "output.splits": "applied when the dataset is finalized, to images that are there",
}
"""The keys of a spec that may change between a run and its resumption, and why they may."""


@dataclass(frozen=True, slots=True)
class Revisions:
    """What the models' names stood for when the plan was made: commits on the hub, or hashes of the weights."""

    generator: str
    judge: str


@dataclass(frozen=True, slots=True)
class Plan:
    """A spec, the revisions of its models, and the rule that cuts its cells into shards.

    Attributes:
        window: see `WINDOW`; a constant of this plan.
    """

    spec: Spec
    revisions: Revisions
    window: int = WINDOW

    @property
    def cells(self) -> tuple[Cell, ...]:
        """See `cells_of`."""
        return cells_of(self.spec)

    @property
    def shard_count(self) -> int:
        return -(-self.spec.total // self.spec.output.shard_size)

    def shard(self, index: int) -> Shard:
        """The `index`th shard: of each cell an even share, such that shards have even sizes too.

        Raises:
            IndexError: the plan has fewer shards.
        """
        shards = self.shard_count
        if not 0 <= index < shards:
            raise IndexError(f"shard {index} of {shards}")
        cells, before = [], 0
        for cell in self.cells:
            # Images k of n land in shard (k * shards + offset) // n. The offset differs from cell to cell, or
            # all small cells would meet in the last shard.
            offset = before % shards
            quota = ((index + 1) * cell.quota + offset) // shards - (index * cell.quota + offset) // shards
            if quota:
                cells.append(replace(cell, quota=quota))
            before += cell.quota
        return Shard(index, tuple(cells))

    @property
    def fingerprint(self) -> str:
        """Equal for plans that make the same images: sha256 of all that decides them, in hex."""
        content = _without(self._content(), NOT_IN_FINGERPRINT)
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    def differences(self, other: "Plan") -> list[str]:
        """One line for each field in which `other` would make other images: `filters.label: 0.5 -> 0.6`."""
        mine = dict(_leaves(_without(self._content(), NOT_IN_FINGERPRINT)))
        theirs = dict(_leaves(_without(other._content(), NOT_IN_FINGERPRINT)))
        keys = [*mine, *(key for key in theirs if key not in mine)]
        changed = [
            f"{key}: {_shown(mine, key)} -> {_shown(theirs, key)}" for key in keys if mine.get(key) != theirs.get(key)
        ]
        if not changed and list(mine) != list(theirs):
            changed.append("the order of classes, templates or values")
        return changed

    def to_json(self) -> str:
        return json.dumps({"fingerprint": self.fingerprint, **self._content()}, indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Raises:
        StorageError: the text is no plan, or its content does not match its fingerprint.
        """
        hint = "Restore plan.json from a backup, or make the dataset in a new folder."
        try:
            content = json.loads(text)
            if content["format"] != FORMAT:
                raise ValueError(f"format {content['format']!r}, and this version writes {FORMAT}")
            plan = cls(
                Spec.model_validate_json(json.dumps(content["spec"])),
                Revisions(**content["revisions"]),
                content["window"],
            )
            written, found = content["fingerprint"], plan.fingerprint
        except (ValueError, KeyError, TypeError, ValidationError) as error:
            raise StorageError(f"plan.json is damaged, or of another version: {error}", hint=hint) from error
        if written != found:
            raise StorageError("plan.json is damaged: its content does not match its fingerprint", hint=hint)
        return plan

    def _content(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "revisions": {"generator": self.revisions.generator, "judge": self.revisions.judge},
            "window": self.window,
            "spec": self.spec.canonical(),  # the order of classes, templates and values is part of the meaning
        }


def make_plan(spec: Spec, revisions: Revisions) -> Plan:
    return Plan(spec, revisions)


def _without(content: dict[str, Any], keys: Mapping[str, str]) -> dict[str, Any]:
    spec = {
        section: {key: value for key, value in values.items() if f"{section}.{key}" not in keys}
        if isinstance(values, dict)
        else values
        for section, values in content["spec"].items()
    }
    return {**content, "spec": spec}


def _leaves(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}" if path else str(key))
    else:
        yield path.removeprefix("spec."), value


def _shown(leaves: Mapping[str, object], key: str) -> str:
    return json.dumps(leaves[key], ensure_ascii=False) if key in leaves else "(absent)"

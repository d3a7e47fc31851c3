"""`Plan`: what will be made, decided before anything is. It holds rules, not rows: no count makes it larger."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

from pydantic import ValidationError

from synthgen.errors import StorageError
from synthgen.fragments import fragment, paragraph, table
from synthgen.planning.addition import Addition
from synthgen.planning.cells import cells_of, kinds_of
from synthgen.planning.counts import by_class, counts_of, shard_size_of, slice_of, with_counts
from synthgen.planning.differences import changed_fields, without
from synthgen.planning.revisions import Revisions
from synthgen.planning.sources import Sources, changed_sources
from synthgen.planning.stored import WRITTEN, check_stored, licence_notes
from synthgen.records import Cell, LicenceNote, Shard
from synthgen.seal import seal, unseal
from synthgen.spec import Spec
from synthgen.spec.early_plan import EarlyPlan, early_of

FORMAT = 4
WINDOW = 32
"""How many attempts back a verdict must be to decide what an attempt aims at: the largest batch."""
_BATCHES = 2
"""So many of the largest batches may be under way at once, where attempts may be stopped early."""

_LICENCES = "licences"
_KEYS = {"fingerprint", "format", "revisions", "window", "promise", "spec", "sources", _LICENCES, WRITTEN}

_OF_DATASET = tuple(
    f"output.{key}"
    for key in ("format", "format_options", "image", "labels", "splits", "near", "together", "against", "marks", "c2pa")
)
NOT_IN_FINGERPRINT: Mapping[str, str] = {
    "model.batch_size": "changes speed; the candidates and their noise are the same",
    "model.offload": "decides where weights wait, not what is computed with them",
    "model.vae_slicing": "changes how many images are decoded at once",
    "model.compile": "changes speed; numbers differ in their last bits, as between devices",
    **dict.fromkeys(_OF_DATASET, "applied when the dataset is finalized, to images that are there"),
    "output.surplus": "decides which pixels are kept, not which images are made",
    "source.dataset": "the plan has the sha256 of every picture, wherever the set lies now",
    "reference.image": "the plan has the sha256 of the picture, wherever it lies now",
    "gates": "applied when the dataset is audited",
    "allow_licenses": "checked before a model is loaded",
    "require_outputs_may_train": "checked before a model is loaded",
    "metadata": "shown in the dataset's card",
}
"""The keys of a spec that may change between a run and its resumption, and why they may."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A spec, the revisions of its models, and the rule that cuts its cells into shards.

    Attributes:
        spec: the spec as it is now, with the counts that the whole run is to reach, additions included.
        window: see `WINDOW`; a constant of this plan.
        promise: what a calibration chose the thresholds for, in words; None without one.
        additions: what the run gained since plan.json was written, which does not contain them.
        base: the spec of plan.json, if an addition has changed it.
        sources: the pictures that images begin from; None if they begin from noise.
        licences: what each model's files said of its licence when the plan was made, by the model's place in the spec.

    Example:
        >>> planned = synthgen.plan("specs/quickstart.yaml")
        >>> {cell.name: cell.quota for cell in planned.cells}
        {'doctor': 4, 'chef': 4}
    """

    spec: Spec
    revisions: Revisions
    window: int = WINDOW
    promise: str | None = None
    additions: tuple[Addition, ...] = ()
    base: Spec | None = None
    sources: Sources | None = None
    licences: Mapping[str, LicenceNote] = field(default_factory=dict)

    def __repr__(self) -> str:
        cells, shards = _counted(len(self.cells), "cell"), _counted(self.shard_count, "shard")
        return f"<Plan {self.spec.name}: {self.spec.total:,} images in {cells} and {shards}, {self.fingerprint[:8]}>"

    def _repr_html_(self) -> str:
        """Show the cells and their quotas in a notebook."""
        quotas = [(cell.name, cell.quota) for cell in self.cells]
        return fragment(
            f"{self.spec.name}: {self.spec.total:,} images",
            table(["class" if not self.spec.wanted else "cell", "images"], quotas),
            paragraph(f"model {self.spec.model.id}, judge {self.spec.judge.id}"),
            paragraph(f"{_counted(self.shard_count, 'shard')} of up to {shard_size_of(self.spec):,} images"),
        )

    @property
    def cells(self) -> tuple[Cell, ...]:
        """What the finished run is to hold."""
        quotas = Counter({cell.name: cell.quota for cell in cells_of(self.first.spec)})
        for addition in self.additions:
            if addition.extends:
                quotas.update(addition.quotas)
        return self._cells(quotas)

    @property
    def first(self) -> Self:
        """The plan without its additions, as plan.json has it."""
        if not self.additions:
            return self
        if self.base is not None:
            return replace(self, spec=self.base, additions=(), base=None)
        kinds, counts = kinds_of(self.spec), Counter(counts_of(self.spec))
        for addition in self.additions:
            if addition.extends:
                counts.subtract(by_class(kinds, addition.quotas))
        return replace(self, spec=with_counts(self.spec, counts), additions=())

    def extended(self, addition: Addition) -> Self:
        """Add shards, which come after all others.

        Raises:
            KeyError: the addition names a cell that the spec does not make.
            ValueError: its spec has other counts than the run and the addition together, or another order of classes;
                or it takes more images than it wants.
        """
        if any(not 0 <= images <= addition.quotas.get(cell, 0) for cell, images in addition.taken.items()):
            raise ValueError(f"it wants {dict(addition.quotas)} and takes {dict(addition.taken)}")
        spec = addition.spec or self.spec
        counts, more = Counter(counts_of(self.spec)), by_class(kinds_of(spec), addition.quotas)
        if addition.extends:
            counts.update(more)
        grown = replace(self, spec=with_counts(spec, counts), additions=(*self.additions, addition))
        if addition.spec is None:
            return grown
        names = list(self.spec.classes)
        if grown.spec != spec or list(spec.classes)[: len(names)] != names:
            raise ValueError("its spec does not fit what was there before")
        return replace(grown, base=self.first.spec)

    def part_of(self, shard: int) -> Self:
        """The plan that a shard is made by: without what later additions changed in the spec."""
        grown = self.first if self.base is not None else self
        for addition in self.additions if self.base is not None else ():
            if addition.spec is not None and shard < grown.shard_count:
                return grown
            grown = grown.extended(addition)
        return self

    @property
    def early(self) -> EarlyPlan | None:
        """Where attempts may be stopped; None where none are."""
        found = early_of(self.spec)
        return found if isinstance(found, EarlyPlan) else None

    @property
    def lag(self) -> int:
        """How many attempts may have no verdict yet when the next is proposed: the window, or several.

        Those that are worth finishing are put together from several batches.
        """
        return self.window * (_BATCHES if self.early is not None else 1)

    @property
    def shard_count(self) -> int:
        return sum(shards for _, shards in self.blocks)

    @property
    def top_ups(self) -> tuple[int, ...]:
        """The shards whose images replace missing ones."""
        found: list[int] = []
        (_, begin), *blocks = self.blocks
        for addition, (_, shards) in zip(self.additions, blocks, strict=True):
            found += range(begin, begin + shards) if not addition.extends else ()
            begin += shards
        return tuple(found)

    def shard(self, index: int) -> Shard:
        """The `index`th shard, with its share of each cell.

        Raises:
            IndexError: the plan has fewer shards.
        """
        block, place, shards = self.block_of(index)
        return Shard(index, slice_of(self.blocks[block][0], place, shards))

    def block_of(self, shard: int) -> tuple[int, int, int]:
        """Return which block a shard is in, 0 for the first plan's; its place there; and how many shards are there."""
        place = shard
        for number, (_, shards) in enumerate(self.blocks):
            if 0 <= place < shards:
                return number, place, shards
            place -= shards
        raise IndexError(f"shard {shard} of {self.shard_count}")

    @property
    def blocks(self) -> list[tuple[tuple[Cell, ...], int]]:
        """The cells that are cut into shards together, the first plan's and each addition's, and how many shards."""
        spec = self.first.spec
        blocks = [(cells_of(spec), shard_size_of(spec))]
        for addition in self.additions:
            spec = addition.spec or spec
            blocks.append((self._cells(addition.made), shard_size_of(spec)))
        return [(cells, -(-sum(cell.quota for cell in cells) // size)) for cells, size in blocks]

    def _cells(self, quotas: Mapping[str, int]) -> tuple[Cell, ...]:
        kinds = kinds_of(self.spec).items()
        return tuple(replace(cell, quota=quotas[name]) for name, cell in kinds if quotas.get(name))

    @property
    def fingerprint(self) -> str:
        """The sha256 of all that decides the images, in hex: equal for plans that make the same ones.

        Additions do not change it: what was made before them stays valid.
        """
        content = without(self.first._content(), NOT_IN_FINGERPRINT)
        # Earlier versions knew one format, and had it here: their runs keep their fingerprints.
        content["spec"]["output"] = {"format": "parquet", **content["spec"]["output"]}
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    def differences(self, other: "Plan") -> list[str]:
        """One line for each field in which `other` would make other images: `filters.label: 0.5 -> 0.6`."""
        mine, theirs = ({**plan.deciding(), "sources": None} for plan in (self, other))
        return [*changed_fields(mine, theirs), *changed_sources(self.sources, other.sources)]

    def deciding(self) -> dict[str, object]:
        """All that decides the images, as JSON types."""
        return without(self._content(), NOT_IN_FINGERPRINT)

    def to_json(self, written: str | None = None) -> str:
        """Write the plan without its additions, which have files of their own.

        Args:
            written: the spec as its author wrote it: kept beside what it means, and not part of the plan.
        """
        if self.additions:
            return self.first.to_json(written)
        kept: dict[str, object] = {} if written is None else {WRITTEN: written}
        if self.licences:
            kept[_LICENCES] = {key: asdict(note) for key, note in self.licences.items()}
        content = {"fingerprint": self.fingerprint, **self._content(), **kept}
        return seal(json.dumps(content, indent=2, ensure_ascii=False))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read a plan that `to_json` wrote.

        Raises:
            StorageError: the text is not a plan, or its content does not match its fingerprint.
        """
        hint = "Restore plan.json from a backup, or make the dataset in a new folder."
        try:
            content, _ = unseal(text)
            if content["format"] != FORMAT:
                raise ValueError(f"format {content['format']!r}, and this version writes {FORMAT}")
            if strange := content.keys() - _KEYS:
                raise ValueError(f"it has an entry {min(strange)!r}")
            check_stored(content)
            content["spec"]["output"].setdefault("surplus", "drop")  # runs of earlier versions stay as they are
            plan = cls(
                Spec.model_validate_json(json.dumps(content["spec"])),
                Revisions.read(content["revisions"]),
                content["window"],
                content.get("promise"),
                sources=Sources.from_json(content["sources"]) if "sources" in content else None,
                licences=licence_notes(content.get(_LICENCES, {})),
            )
            written, found = content["fingerprint"], plan.fingerprint
        except (ValueError, KeyError, TypeError, AttributeError, ValidationError, RecursionError) as error:
            raise StorageError(f"plan.json is damaged, or of another version: {error}", hint=hint) from error
        if written != found:
            raise StorageError("plan.json is damaged: its content does not match its fingerprint", hint=hint)
        return plan

    def _content(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "revisions": self.revisions.as_json(),
            "window": self.window,
            **({"promise": self.promise} if self.promise else {}),
            **({"sources": self.sources.as_json()} if self.sources else {}),
            "spec": self.spec.canonical(),  # the order of classes, templates and values is part of the meaning
        }


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' if number != 1 else ''}"


def make_plan(spec: Spec, revisions: Revisions, sources: Sources | None = None) -> Plan:
    return Plan(spec, revisions, sources=sources)

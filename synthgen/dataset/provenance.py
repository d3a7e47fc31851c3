"""Where a dataset comes from: the facts that its card shows."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from synthgen.dataset.encoding import Encoding
from synthgen.dataset.marking.marking import Marking
from synthgen.dataset.marking.signing import SignedBy
from synthgen.ledger.composition import BalanceRequest
from synthgen.ledger.tally import Tally
from synthgen.records import AskedPoint, ShardRecord
from synthgen.version import __version__

_TOLD = 5
"""How many values of one fact a card tells."""


@dataclass(frozen=True, slots=True)
class FormatOrigin:
    """Which format wrote a dataset.

    Attributes:
        release: the package that it comes from, with its version.
        arguments: what it was set to, by name.
        beside: the other formats of a dataset that is written in several.
    """

    name: str = "parquet"
    release: str = f"synthgen {__version__}"
    arguments: Mapping[str, str | int | float | bool | None] = field(default_factory=dict)
    beside: "tuple[FormatOrigin, ...]" = ()

    @property
    def facts(self) -> dict[str, object]:
        """The same as JSON types; `beside` only if there are any."""
        own: dict[str, object] = {"name": self.name, "release": self.release, "arguments": dict(self.arguments)}
        return own | ({"beside": [other.facts for other in self.beside]} if self.beside else {})

    def __str__(self) -> str:
        given = ", ".join(f"{name}={value!r}" for name, value in self.arguments.items())
        own = f"{self.name} ({self.release})" + (f", {given}" if given else "")
        return "; ".join([own, *map(str, self.beside)])


@dataclass(frozen=True, slots=True)
class Provenance:
    """The facts about a dataset's origin.

    Attributes:
        model, judge: their ids; `model_revision` the resolved commit, where there is one.
        spec: the spec's YAML as the user wrote it.
        resolved: the same with everything worked in; None if `spec` stands on its own.
        fingerprint: that of the plan.
        tally: what became of every attempt.
        settings: how it was sampled and filtered, such as steps and thresholds; shown as a table.
        versions: of synthgen and the libraries; shown as a table.
        asked: what was measured and balanced.
        format: which format writes the dataset.
        encoding: how its pictures are encoded.
        marking: what each image says of itself; None if it says nothing.
        signed_by: who signs each image; None if nobody does.
        origin: what else `provenance.json` says, as JSON types.
        metadata: what the spec's author keeps with the dataset, as JSON types; shown as a table.
        licence: of the dataset itself, as the Hub names it, in lower case; None if nobody said.
        licences: what is known of the licence of each model, as JSON types.
        questions: what Article 10(2) of the AI Act asks, answered where the run knows.
        audited: the figures of an audit of the run, in sentences; none without an audit.
        evaluated: whether its images help a learner, in sentences; none without an evaluation.
        source: the set whose pictures images began from; None if they began from noise.
        remake: the command that makes the dataset again from its spec, in `spec.yaml`.
    """

    model: str
    judge: str
    spec: str
    fingerprint: str
    tally: Tally
    model_revision: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    asked: BalanceRequest = field(default_factory=BalanceRequest)
    format: FormatOrigin = field(default_factory=FormatOrigin)
    encoding: Encoding = field(default_factory=lambda: Encoding("png"))
    marking: Marking | None = None
    signed_by: SignedBy | None = None
    origin: Mapping[str, object] = field(default_factory=dict)
    licence: str | None = None
    resolved: str | None = None
    metadata: Mapping[str, object] = field(default_factory=dict)
    licences: tuple[Mapping[str, object], ...] = ()
    questions: tuple[AskedPoint, ...] = ()
    audited: tuple[str, ...] = ()
    evaluated: tuple[str, ...] = ()
    source: str | None = None
    remake: str = "synthgen run spec.yaml"


def made_with(records: Iterable[ShardRecord]) -> dict[str, str]:
    """Return by what the shards were made. A fact that differs between them has each value, the commonest first.

    Example:
        A run on two kinds of devices has `{"generator.device": "NVIDIA H200 (5 shards); cpu (2 shards)"}`.
    """
    seen: dict[str, Counter[str]] = {}
    for record in records:
        for name, value in record.provenance.items():
            seen.setdefault(name, Counter())[value] += 1
    return {name: _together(values) for name, values in seen.items()}


def _together(values: Counter[str]) -> str:
    if len(values) == 1:
        return next(iter(values))
    common = [f"{value} ({count} {'shard' if count == 1 else 'shards'})" for value, count in values.most_common(_TOLD)]
    more = len(values) - len(common)
    return "; ".join([*common, f"{more} others"] if more else common)

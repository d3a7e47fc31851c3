"""By what a run was made, as JSON types: the facts of its dataset's `provenance.json`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256

from synthgen.api.licensing import licences_of_plan
from synthgen.files import as_damage
from synthgen.planning import Plan
from synthgen.records import ShardRecord
from synthgen.running import changed_keys, kept_spec
from synthgen.spec.written import CHANGED, EXTENDED
from synthgen.store import RunStore
from synthgen.store.layout import SPEC


def origin_of(planned: Plan, records: Sequence[ShardRecord], written: str) -> dict[str, object]:
    """Return plan, models, pictures, shards, and the libraries and devices that made them.

    Args:
        written: the spec as its author wrote it.
    """
    sources = planned.sources
    return {
        "plan": {
            "fingerprint": planned.fingerprint,
            "task": planned.spec.task,
            "seed": planned.spec.seed,
            "spec_sha256": sha256(written.encode()).hexdigest(),
        },
        "revisions": planned.revisions.as_json(),
        "models": [each.as_json() for each in licences_of_plan(planned)],
        "sources": {"dataset": planned.spec.source.dataset, "sha256": sources.sha256}
        if sources and planned.spec.source
        else None,
        # A ledger's sha256 would tell nothing of the images: it has the seconds that each attempt took.
        "shards": [
            {"shard": record.shard, "images_sha256": record.images.sha256}
            for record in sorted(records, key=lambda record: record.shard)
        ],
        "environments": _environments(records),
    }


def _environments(records: Sequence[ShardRecord]) -> list[dict[str, object]]:
    """Put shards together that were made by the same libraries, on the same kind of device."""
    alike: dict[str, list[ShardRecord]] = {}
    for record in sorted(records, key=lambda record: record.shard):
        alike.setdefault(json.dumps(dict(record.provenance), sort_keys=True), []).append(record)
    return [
        {"shards": [record.shard for record in group], "made_with": dict(group[0].provenance)}
        for group in alike.values()
    ]


def last_spec(planned: Plan, store: RunStore) -> str:
    """Return the spec as its author last wrote it, preceded by what has changed since: counts, and other keys."""
    text, since = kept_spec(store), 0
    for number, addition in enumerate(planned.additions, start=1):
        if addition.written is not None:
            text, since = addition.written, number
    if text is None:  # written by an earlier version
        with as_damage(f"{store.location}/{SPEC}"):
            text = store.read(SPEC).decode()
    if changed := changed_keys(store):
        text = f"# {CHANGED}: {', '.join(changed)}\n{text}"
    if not any(addition.extends for addition in planned.additions[since:]):
        return text
    counts = ", ".join(f"{name} {kind.count}" for name, kind in planned.spec.classes.items())
    return f"# {EXTENDED}: {counts}\n{text}"

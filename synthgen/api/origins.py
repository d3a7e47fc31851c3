"""By what a run was made, as JSON types: the facts of its dataset's `provenance.json`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256

from synthgen.planning import Plan
from synthgen.records import ShardRecord


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
        "sources": {"dataset": planned.spec.source.dataset, "sha256": sources.sha256}
        if sources and planned.spec.source
        else None,
        "shards": [
            {"shard": record.shard, "images_sha256": record.images.sha256, "ledger_sha256": record.ledger.sha256}
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

"""Additions on disk: `additions/00001.json` and so on, each created exclusively and never changed."""

import json

from pydantic import TypeAdapter, ValidationError

from synthgen.errors import StorageError
from synthgen.planning import Addition, Plan
from synthgen.seal import seal, unseal
from synthgen.store import layout
from synthgen.store.store import RunStore

_ADDITION = TypeAdapter(Addition)


def with_additions(plan: Plan, store: RunStore) -> Plan:
    """Return the plan with what was added to it since.

    Raises:
        StorageError: an addition is damaged, or of another plan.
    """
    names = [name for name in store.names(layout.ADDITIONS) if not layout.is_temporary(name)]
    for number, name in enumerate(names, start=1):
        try:
            if name != layout.addition(number):
                raise ValueError(f"expected {layout.addition(number)}")
            content, _ = unseal(store.read(name).decode())
            plan = plan.extended(_ADDITION.validate_json(json.dumps(content)))
        except (ValueError, ValidationError, KeyError) as error:
            hint = "Restore it from a backup, or make the dataset in a new folder."
            raise StorageError(f"{store.location}/{name} is damaged, or of another plan: {error}", hint=hint) from error
    return plan


def add(store: RunStore, plan: Plan, addition: Addition) -> Plan:
    """Append shards to a run whose plan is now `plan`. If another process was first, its addition is used instead."""
    name = layout.addition(len(plan.additions) + 1)
    if store.create(name, seal(json.dumps(_content(addition), indent=2, ensure_ascii=False)).encode()):
        return plan.extended(addition)
    return with_additions(plan.first, store)


def _content(addition: Addition) -> dict[str, object]:
    kept: dict[str, object] = {"quotas": dict(addition.quotas), "extends": addition.extends}
    if addition.taken:
        kept["taken"] = dict(addition.taken)
    if addition.spec is not None:
        kept |= {"spec": addition.spec.canonical(), "written": addition.written}
    return kept

"""Keys changed since a run began: `changes/00001.json` and so on, each created exclusively; the last one counts."""

import json
from dataclasses import replace

from synthgen.errors import StorageError
from synthgen.planning import Plan, free_keys, with_free_keys
from synthgen.seal import seal, unseal
from synthgen.store import layout
from synthgen.store.store import RunStore


def with_changes(plan: Plan, store: RunStore) -> Plan:
    """Return the plan with the keys as the last resumption had them.

    Raises:
        StorageError: their file is damaged.
    """
    if not (names := _names(store)):
        return plan
    name = names[-1]
    try:
        keys, is_sealed = unseal(store.read(name).decode())
        if not is_sealed:
            raise ValueError("it has no sha256")
        return replace(plan, spec=with_free_keys(plan.spec, keys))
    except (ValueError, KeyError, TypeError) as error:
        hint = "Delete it, and resume the run with the spec that you want."
        raise StorageError(f"{store.location}/{name} is damaged: {error}", hint=hint) from error


def keep_changes(store: RunStore, there: Plan, wanted: Plan) -> None:
    """Keep the keys of `wanted` if they are not those of the run, so that later commands have them too.

    Raises:
        StorageError: they cannot be written.
    """
    keys = free_keys(wanted.spec)
    while free_keys(there.spec) != keys:
        last = max(map(layout.number_of_change, _names(store)), default=0)
        if store.create(layout.change(last + 1), seal(json.dumps(keys, indent=2, ensure_ascii=False)).encode()):
            return
        there = with_changes(there, store)  # another process was first, perhaps with the same keys


def with_unsaid(there: Plan, wanted: Plan) -> Plan:
    """Return the wanted plan with the run's own `output.surplus`, unless the spec itself says what that should be.

    Runs of earlier versions have no such key, and resuming them changes nothing.
    """
    if "surplus" in wanted.spec.output.model_fields_set:
        return wanted
    output = wanted.spec.output.model_copy(update={"surplus": there.spec.output.surplus})
    return replace(wanted, spec=wanted.spec.model_copy(update={"output": output}))


def _names(store: RunStore) -> list[str]:
    """List the files, the last one last. Files with other names are not synthgen's."""
    return sorted(filter(layout.number_of_change, store.names(layout.CHANGES)), key=layout.number_of_change)

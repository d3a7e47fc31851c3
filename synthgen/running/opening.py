"""How a run begins, and how it is resumed."""

import logging
from dataclasses import replace

from synthgen.errors import PlanChanged, StorageError, UsageError
from synthgen.files import MissingFileError
from synthgen.planning import Growth, Plan, free_keys, growth_of, written_spec
from synthgen.running.additions import add, with_additions
from synthgen.running.changes import keep_changes, with_changes, with_unsaid
from synthgen.running.sources import keep_sources, with_sources
from synthgen.running.surplus import extend_from_surplus
from synthgen.running.unused import discard_plan, is_unused
from synthgen.spec.written import is_sealed, sealed, written_in_full
from synthgen.store import faults, layout
from synthgen.store.store import RunStore

_LOG = logging.getLogger(__name__)


def create_run(store: RunStore, plan: Plan, spec_text: str, *, extend: bool = False, adopt: bool = False) -> Plan:
    """Write plan.json and spec.yaml, or go on with an existing run.

    Args:
        extend: let an existing run grow, if its images stay valid: see `synthgen.planning.growth`.
        adopt: let an existing run of the same name that holds no attempt yet start again from `plan`.

    Returns:
        The plan, with what was added to an existing run.

    Raises:
        PlanChanged: the run has another plan; the message lists what differs.
        UsageError: the place holds other things.
        StorageError: the place cannot be written, or its plan is damaged.
    """
    _refuse_foreign(store)
    if adopt and is_begun(store):
        _adopt(store, plan)
    there = plan
    if not is_begun(store):
        keep_sources(store, plan)
        grown = plan.first
        for addition in plan.additions:
            add(store, grown, addition)
            grown = grown.extended(addition)
    # The plan before the spec: it decides whose the folder is, and holds the spec's text. A run killed in between gets
    # its spec.yaml when it resumes.
    if store.create(layout.PLAN, plan.to_json(spec_text).encode()):
        faults.reach("plan-created")
    else:
        there = open_run(store)
        plan = with_unsaid(there, plan)
        if extend and (more := growth_of(there, plan, spec_text).addition) is not None:
            extend_from_surplus(store, there, more)
            there = open_run(store)  # another process may have been first, and asked for something else
        _refuse_another(there, plan, store, extend=extend)
        keep_sources(store, plan)
        keep_changes(store, there, plan)
        spec_text = kept_spec(store) or spec_text
    store.create(layout.SPEC, spec_text.encode())
    keep_resolved(store)
    licences = there.licences or plan.licences  # as they were when the run began
    return replace(plan, additions=there.additions, base=there.base, licences=licences)


def _adopt(store: RunStore, plan: Plan) -> None:
    """Discard the plan of a run if it is another one of the same name, and nothing was made by it."""
    there = open_run(store)
    if there.spec.name == plan.spec.name and there.differences(plan) and is_unused(store):
        _LOG.warning("%s held no image yet; it starts again, from the changed spec", store.location)
        discard_plan(store)


def keep_resolved(store: RunStore) -> None:
    """Write the resolved spec of a run, unless it is there as the run has it now."""
    text = sealed(written_in_full(open_run(store).spec, _folder_of(store))).encode()
    if layout.RESOLVED in store.names(""):
        if store.read(layout.RESOLVED) == text:
            return
        store.delete(layout.RESOLVED)
    store.create(layout.RESOLVED, text)


def check_resolved(store: RunStore) -> None:
    """Check that nobody edited the resolved spec of a run, which would have no effect.

    Raises:
        UsageError: somebody did, or it is damaged.
    """
    if layout.RESOLVED in store.names("") and not is_sealed(store.read(layout.RESOLVED).decode("utf-8", "replace")):
        hint = "Move it elsewhere to start a new run from it; `synthgen repair` writes it again."
        raise UsageError(f"{store.location}/{layout.RESOLVED} was edited, or is damaged", hint=hint)


def _folder_of(store: RunStore) -> str | None:
    return None if "://" in store.location else store.location


def is_begun(store: RunStore) -> bool:
    """Whether the store holds a run, however little of it is done."""
    return layout.PLAN in store.names("")


def open_run(store: RunStore) -> Plan:
    """Read the plan of an existing run, with what was added to it and changed in it.

    Raises:
        UsageError: there is no run.
        StorageError: its plan is damaged, or cannot be read.
    """
    try:
        text = store.read(layout.PLAN).decode()
    except StorageError as error:
        if not isinstance(error, MissingFileError) and not isinstance(error.__cause__, NotADirectoryError):
            raise
        hint = "Give the folder that `synthgen run` made."
        raise UsageError(f"{store.location} is not a synthgen run: it has no {layout.PLAN}", hint=hint) from error
    except UnicodeDecodeError as error:
        raise StorageError(f"{store.location}: {layout.PLAN} is damaged: it is not text") from error
    return with_changes(_unchanged(text, store), store)


def _unchanged(text: str, store: RunStore) -> Plan:
    """Read plan.json with what was added to it."""
    try:
        plan = Plan.from_json(text)
    except StorageError as error:
        raise StorageError(f"{store.location}: {error.message}", hint=error.hint) from error
    return with_additions(with_sources(plan, store), store)


def changed_keys(store: RunStore) -> list[str]:
    """Name the keys that have other values now than in the spec as its author last wrote it.

    Raises:
        StorageError: as `open_run`.
    """
    there = _unchanged(store.read(layout.PLAN).decode(), store)
    before, now = free_keys(there.spec), free_keys(with_changes(there, store).spec)
    return [key for key in now if now[key] != before.get(key)]


def kept_spec(store: RunStore) -> str | None:
    """Read from plan.json the text of the spec that the run began with; None if an earlier version wrote the file.

    Raises:
        StorageError: plan.json cannot be read, or is damaged.
    """
    try:
        return written_spec(store.read(layout.PLAN).decode())
    except ValueError as error:
        raise StorageError(f"{store.location}: {layout.PLAN} is damaged: {error}") from error


def restore_spec(store: RunStore) -> None:
    """Write spec.yaml again, if plan.json has its text."""
    if (text := kept_spec(store)) is not None:
        store.delete(layout.SPEC)
        store.create(layout.SPEC, text.encode())


def _refuse_foreign(store: RunStore) -> None:
    """Refuse a place that holds other things: a run begins in an empty place, and goes on in its own."""
    there = [name for name in store.names("") if not layout.is_temporary(name)]
    if there and layout.PLAN not in there:
        hint = "Choose an empty folder, or a new one."
        raise UsageError(f"{store.location} contains {there[0]}, but no run", hint=hint)


def growth_in(there: Plan, wanted: Plan, location: str) -> Growth:
    """Return what turns the plan of the run at `location` into `wanted`.

    Raises:
        PlanChanged: existing images would not stay valid; the message has each change and its reason.
    """
    growth = growth_of(there, wanted)
    if growth.refusals:
        lines = "\n".join(f"  {refusal.change}: {refusal.why}" for refusal in growth.refusals)
        hint = " ".join(dict.fromkeys(refusal.instead for refusal in growth.refusals))
        raise PlanChanged(f"{location} cannot be extended like this:\n{lines}", hint=hint)
    return growth


def _refuse_another(there: Plan, wanted: Plan, store: RunStore, *, extend: bool) -> None:
    changes = there.differences(wanted)
    if not changes:
        return
    growth = growth_in(there, wanted, store.location) if extend else growth_of(there, wanted)
    hint = "Use `location` to start a new run, or revert these changes to resume this one."
    if growth.addition is not None:
        hint = "Add `extend` to take these changes for new images, which come after the existing ones."
    if is_unused(store):
        hint = f"{hint} This run holds no image: you can also delete it."
    lines = "\n".join(f"  {line}" for line in changes)
    raise PlanChanged(f"{store.location} was started from a different spec:\n{lines}", hint=hint)

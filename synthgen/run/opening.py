"""The beginning of a run, and its resumption."""

from synthgen.errors import PlanChanged, StorageError
from synthgen.plan import Plan
from synthgen.run import faults, layout
from synthgen.run.store import MissingFileError, RunStore


def create_run(store: RunStore, plan: Plan, spec_text: str) -> bool:
    """Write plan.json and spec.yaml. False if this run was begun before: going on with it resumes.

    Raises:
        PlanChanged: another plan lies there; the message lists what differs.
        StorageError: the place cannot be written, holds other things, or the plan there is damaged.
    """
    _refuse_foreign(store)
    # The plan first: it decides whose the folder is. A run killed in between gets its spec.yaml when it
    # resumes.
    created = store.create(layout.PLAN, plan.to_json().encode())
    if not created:
        _refuse_another(open_run(store), plan, store.location)
    else:
        faults.reach("plan-created")
    store.create(layout.SPEC, spec_text.encode())
    return created


def open_run(store: RunStore) -> Plan:
    """The plan of the run that lies there.

    Raises:
        StorageError: none does, or its plan is damaged.
    """
    try:
        text = store.read(layout.PLAN).decode()
    except MissingFileError as error:
        hint = "Give the folder that `synthgen run` made."
        raise StorageError(f"{store.location}: no run lies there: it has no {layout.PLAN}", hint=hint) from error
    except UnicodeDecodeError as error:
        raise StorageError(f"{store.location}: {layout.PLAN} is damaged: it is no text") from error
    try:
        return Plan.from_json(text)
    except StorageError as error:
        raise StorageError(f"{store.location}: {error.message}", hint=error.hint) from error


def _refuse_foreign(store: RunStore) -> None:
    """A run may be begun where nothing is, and gone on with where one is: not among other things."""
    there = [name for name in store.names("") if not layout.is_temporary(name)]
    if there and layout.PLAN not in there:
        hint = "Choose an empty folder, or a new one, with -o."
        raise StorageError(f"{store.location} holds {there[0]} and no run", hint=hint)


def _refuse_another(there: Plan, wanted: Plan, location: str) -> None:
    if there.fingerprint == wanted.fingerprint:
        return
    changes = "\n".join(f"  {line}" for line in there.differences(wanted))
    raise PlanChanged(
        f"{location} was begun with another plan:\n{changes}",
        hint="Choose another folder with -o, or undo these changes to go on with this run.",
    )

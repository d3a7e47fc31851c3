"""The spec of a pilot, and the attempts that it accepted."""

from pathlib import Path

from synthgen import running as runs
from synthgen.ledger.columns import LedgerRow
from synthgen.records import Verdict
from synthgen.spec import Filters, LabelFilter, Spec
from synthgen.store import FolderStore


def pilot_spec(spec: Spec, count: int) -> Spec:
    """Derive the spec of the pilot, which accepts every attempt with a picture, whatever it shows.

    Where the spec has `balance`, the attempt's cell must have room, as in the run. Otherwise the threshold would hold
    for another mix of images.
    """
    changes = {
        "name": f"{spec.name[:50]}-pilot",
        "classes": {name: kind.model_copy(update={"count": count}) for name, kind in spec.classes.items()},
        "filters": pilot_filters(spec),
        "seed": (spec.seed + 1) % 2**63,
    }
    return spec.model_copy(update=changes)


def pilot_filters(spec: Spec) -> Filters:
    """Return the filters of a pilot: those before the label filter, and a label filter that lets everything pass."""
    none_of_these = spec.filters.label.none_of_these if spec.filters.label else ()
    label = LabelFilter(min_posterior=0.0, none_of_these=none_of_these)
    return Filters(quality=spec.filters.quality, label=label)


def accepted_rows(folder: Path) -> list[LedgerRow]:
    """Return the ledger rows of the accepted attempts."""
    from synthgen.pages.sheet import ledger_rows

    store = FolderStore(folder)
    done = runs.read_intact(runs.open_run(store), store).done.values()
    rows = ledger_rows([folder / record.ledger.name for record in done])
    return [row for row in rows if row["verdict"] == Verdict.ACCEPTED]

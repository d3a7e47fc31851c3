"""Surplus images first: what a run lacks, or grows by, is taken from images that it has, and only the rest is made."""

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace

from synthgen.planning import Addition, Plan
from synthgen.running.additions import add
from synthgen.running.attempts import surplus_of
from synthgen.running.deciding import Asked, decide, spare_by_cell
from synthgen.running.state import RunState, read_intact
from synthgen.store.store import RunStore

_LOG = logging.getLogger(__name__)
_REASON = "its cell lacked images"


def fill_from_surplus(plan: Plan, store: RunStore, state: RunState, lacking: Mapping[str, int]) -> dict[str, int]:
    """Take kept surplus images into cells that lack some, by a decision of the run itself.

    Args:
        state: how far the run is, from which `lacking` was counted.
        lacking: images by the name of their cell.

    Returns:
        What still has to be made, by cell.

    Raises:
        StorageError: the run cannot be read or written.
    """
    chosen = _choose(plan, store, state, lacking)
    _take(plan, store, [image_id for ids in chosen.values() for image_id in ids])
    left = {cell: images - len(chosen.get(cell, ())) for cell, images in lacking.items()}
    return {cell: images for cell, images in left.items() if images > 0}


def extend_from_surplus(store: RunStore, plan: Plan, addition: Addition) -> Plan:
    """Append shards for images on top of a run's, less those that it has: more than a quota already, or surplus.

    Args:
        addition: all images that are wanted on top, by cell.

    Returns:
        The plan with what was added. If another process was first, with its addition instead.

    Raises:
        StorageError: the run cannot be read or written.
    """
    state = read_intact(plan, store)
    spare = spare_by_cell(state)
    there = {cell: min(images, max(spare[cell], 0)) for cell, images in addition.quotas.items()}
    rest = {cell: images - there[cell] for cell, images in addition.quotas.items()}
    chosen = _choose(plan.extended(addition), store, state, rest)
    taken = {cell: there[cell] + len(chosen.get(cell, ())) for cell in addition.quotas}
    mine = replace(addition, taken={cell: images for cell, images in taken.items() if images})

    # The addition first: if this process is killed in between, the images count as missing, and a top-up takes them.
    grown = add(store, plan, mine)
    if grown.additions[len(plan.additions) :] == (mine,):
        _take(grown, store, [image_id for ids in chosen.values() for image_id in ids])
    return grown


def _choose(plan: Plan, store: RunStore, state: RunState, lacking: Mapping[str, int]) -> dict[str, list[str]]:
    """Choose surplus images for each cell, those of the lowest ids; none where pictures have a limit of images."""
    if plan.spec.source is not None and plan.spec.source.per_source is not None:
        return {}
    review, chosen = state.review, defaultdict[str, list[str]](list)
    left = {cell: images for cell, images in lacking.items() if images > 0}
    for shard in sorted(state.done) if left else ():
        for attempt in surplus_of(plan, store, state.done[shard]):
            if attempt.cell in left and attempt.id not in review.included.keys() | review.barred:
                chosen[attempt.cell].append(attempt.id)
                left[attempt.cell] -= 1
                if not left[attempt.cell]:
                    del left[attempt.cell]
        if not left:
            break
    return chosen


def _take(plan: Plan, store: RunStore, ids: Iterable[str]) -> None:
    if asked := [Asked(image_id, is_in=True) for image_id in ids]:
        decide(plan, store, asked, undo=False, reason=_REASON, reviewer=None)
        images = f"{len(asked):,} surplus image{'s' if len(asked) > 1 else ''}"
        _LOG.info("%s: %s taken in: fewer have to be made", store.location, images)

"""Where the tests kill a run: its write points, by name. Nothing happens unless SYNTHGEN_FAULT names one."""

import os
import signal
from collections import Counter

VARIABLE = "SYNTHGEN_FAULT"

POINTS = (
    "create-half-written",  # a plan's or a marker's temporary file has half of its bytes
    "create-before-link",  # it is whole and synced, but has no name yet
    "create-after-link",  # it has its name; the temporary one is still there
    "plan-created",  # plan.json is there, spec.yaml is not
    "journal-written",  # a part of a shard's journal is there; the shard is not committed
    "rows-written",  # a row group is in a table whose footer is missing
    "images-finished",  # the footer of the accepted images is written, that of the ledger is not
    "before-marker",  # both tables are synced; the shard is not committed
    "after-marker",  # the shard is committed
    "dataset-half-written",  # some images are in the new dataset, beside its place
    "dataset-written",  # it is whole and synced, and not in its place
    "dataset-in-place",  # it is; the one that it replaced is still beside it
)

_reached: Counter[str] = Counter()


def reach(point: str) -> None:
    """End this process by SIGKILL if SYNTHGEN_FAULT is `point`, or at its nth pass if it is `point:n`."""
    assert point in POINTS, point
    name, _, nth = os.environ.get(VARIABLE, "").partition(":")
    if name != point:
        return
    _reached[point] += 1
    if _reached[point] == int(nth or 1):
        os.kill(os.getpid(), signal.SIGKILL)

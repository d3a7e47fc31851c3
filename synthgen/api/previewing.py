"""Previews: a few images of a spec, and nothing kept of them but a sheet."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from synthgen.api import wiring
from synthgen.api.arguments import PathInput, device_of, number_of, one_spelling, path_of
from synthgen.api.own_spec import plan_of_own_spec
from synthgen.api.recording import note_preview
from synthgen.api.specs import SpecInput, spec_of
from synthgen.events import OnProgress, StepProgress, ignore
from synthgen.files import check_file
from synthgen.pages.facts import asked, facts, limits
from synthgen.planning import prompts_by_class

if TYPE_CHECKING:
    from synthgen.ledger.columns import LedgerRow
    from synthgen.ledger.tally import Tally


@one_spelling
def preview(
    spec: SpecInput, count: int, path: PathInput, device: str = "auto", *, on_progress: OnProgress = ignore
) -> Tally:
    """Render and judge `count` images and write a contact sheet to `path`; nothing else is kept.

    Raises:
        UsageError: the model does not support what the spec asks for.
        ModelError, DeviceError, StorageError: as `run`.

    Example:
        >>> tally = synthgen.preview("specs/quickstart.yaml", 4, "outputs/preview.html")
        >>> tally.attempted
        4
    """
    from synthgen.pages.sheet import write_sheet
    from synthgen.running.shard.preview import preview as attempts

    device, count, path = device_of(device), number_of(count, "count"), path_of(path, "path")
    spec = spec_of(spec)
    check_file(path)
    planned = plan_of_own_spec(spec)
    wiring.check_keys(planned)
    generator, judge = wiring.generator(planned, device), wiring.judge(planned, device)
    rows = attempts(planned, generator, judge, count)
    measured = _Measured(count, on_progress)
    tally = write_sheet(
        measured.rows(rows),
        path,
        title=f"{spec.name}: a preview",
        quotas=dict.fromkeys(spec.classes),
        limits=limits(spec),
        facts=facts(planned),
        asked=replace(asked(planned), cells=()),
    )
    note_preview(planned, generator.provenance(), measured.seconds, measured.by_class)
    there = prompts_by_class(planned)
    return replace(tally, prompts={name: (len(measured.prompts[name]), each.there) for name, each in there.items()})


class _Measured:
    """Rows of a preview on their way to the sheet: reports them, and measures what they took and came to."""

    def __init__(self, count: int, on_progress: OnProgress) -> None:
        self.seconds = 0.0
        self.prompts: defaultdict[str, set[str]] = defaultdict(set)
        self.by_class: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._count, self._on_progress = count, on_progress

    def rows(self, rows: Iterator[LedgerRow]) -> Iterator[LedgerRow]:
        began = time.perf_counter()
        self._report(0)
        for done, row in enumerate(rows, start=1):
            self.seconds = time.perf_counter() - began
            self.by_class[row["class"]][row["verdict"]] += 1
            self.prompts[row["class"]].add(row["prompt"])
            yield row
            self._report(done)

    def _report(self, done: int) -> None:
        self._on_progress(StepProgress("making the preview", "attempts", done, self._count))

"""Previews: a few images of a spec, and nothing kept of them but a sheet."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from synthgen.api import wiring
from synthgen.api.arguments import PathInput, device_of, number_of, one_spelling, path_of
from synthgen.api.distinct import distinct_in, facts_of, warn_of_copies
from synthgen.api.own_spec import plan_of_own_spec
from synthgen.api.recording import note_preview
from synthgen.api.specs import SpecInput, spec_of
from synthgen.errors import UsageError
from synthgen.events import OnProgress, StepProgress, ignore
from synthgen.files import check_file
from synthgen.ledger.tally import Tally
from synthgen.pages.facts import asked, facts, limits
from synthgen.planning import prompts_by_class, several_seeds

if TYPE_CHECKING:
    from synthgen.ledger.columns import LedgerRow
    from synthgen.stats.several import DistinctPictures


@dataclass(frozen=True, slots=True, repr=False)
class Preview(Tally):
    """What became of a preview's attempts.

    Attributes:
        prompts: by class, how many different prompts were used, and how many there are.
        distinct: how many distinct pictures the images of one prompt are worth; None if no two share one.
    """

    prompts: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    distinct: DistinctPictures | None = None


@one_spelling
def preview(
    spec: SpecInput,
    count: int,
    path: PathInput,
    device: str = "auto",
    *,
    seeds_per_prompt: int = 1,
    on_progress: OnProgress = ignore,
) -> Preview:
    """Render and judge `count` images and write a contact sheet to `path`; nothing else is kept.

    Args:
        seeds_per_prompt: how many of them share a prompt; `count` is a multiple of it. With 4 or more, the sheet says
            how many distinct pictures the model makes of one.

    Raises:
        UsageError: the model does not support what the spec asks for, or `count` is not a multiple.
        ModelError, DeviceError, StorageError: as `run`.

    Example:
        >>> tally = synthgen.preview("specs/quickstart.yaml", 4, "outputs/preview.html")
        >>> tally.attempted
        4
    """
    from synthgen.pages.sheet import write_sheet
    from synthgen.running.shard.preview import preview as attempts

    device, count, path = device_of(device), number_of(count, "count"), path_of(path, "path")
    spec, seeds = spec_of(spec), number_of(seeds_per_prompt, "seeds_per_prompt")
    _check_turns(count, seeds)
    check_file(path)
    planned = plan_of_own_spec(spec, on_progress)
    wiring.check_keys(planned)
    generator = wiring.generator(planned, device)
    judge = wiring.judge(planned, device, generator)
    measured = _Measured(count, on_progress)
    rows = list(measured.rows(attempts(planned, generator, judge, several_seeds(planned, count, seeds))))
    distinct = distinct_in(rows)
    tally = write_sheet(
        rows,
        path,
        title=f"{spec.name}: a preview",
        quotas=dict.fromkeys(spec.classes),
        limits=limits(spec),
        facts={**facts(planned), **facts_of(distinct)},
        asked=replace(asked(planned), cells=()),
    )
    note_preview(planned, generator.provenance(), measured.seconds, measured.by_class)
    warn_of_copies(distinct)
    there = prompts_by_class(planned)
    used = {name: (len(measured.prompts[name]), each.there) for name, each in there.items()}
    return Preview(tally.classes, used, distinct)


def _check_turns(count: int, seeds: int) -> None:
    """Refuse a number of attempts of which some prompt would get fewer than it was asked to have.

    Raises:
        UsageError: it is no multiple of `seeds`.
    """
    if count % seeds:
        more = -(-count // seeds) * seeds
        hint = f"Set `count={more - seeds}` or `count={more}`." if count > seeds else f"Set `count={more}`."
        raise UsageError(f"{count} attempts are not {seeds} of each prompt", argument="count", hint=hint)


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

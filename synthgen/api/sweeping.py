"""Sweeps: the same prompts and seeds with other settings, judged and compared."""

from __future__ import annotations

import csv
import io
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from synthgen.api import wiring
from synthgen.api.arguments import PathInput, device_of, number_of, one_spelling, path_of, texts_of
from synthgen.api.distinct import as_json
from synthgen.api.forecasting import forecast
from synthgen.api.specs import SpecInput, read_source
from synthgen.api.sweep_files import file_of, read_rows, write_rows
from synthgen.api.sweep_grid import GridSetting, grid_of
from synthgen.errors import UsageError, stopped
from synthgen.events import OnProgress, StepProgress, ignore
from synthgen.files import check_file, write_file
from synthgen.inert import inert
from synthgen.pages.cells import inert_cell
from synthgen.planning import several_seeds
from synthgen.records import Candidate
from synthgen.spec import NO_CHANGES, Settings, Spec, SpecText
from synthgen.spec.written import written_in_full

if TYPE_CHECKING:
    from synthgen.api.sweep_measures import SettingMeasures
    from synthgen.ledger.columns import LedgerRow
    from synthgen.running.shard.protocols import Generator
    from synthgen.stats.estimates import Estimate

SETTINGS, PAGE, TABLE, RECORD = "settings", "index.html", "sweep.csv", "sweep.json"
MOST_IMAGES = 256
"""More images than these must be asked for in so many words."""
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sweep:
    """Settings compared on the same prompts and seeds.

    Attributes:
        page, table, record: the files that show and hold the comparison: HTML, CSV and JSON.
        rendered: how many images were rendered now; the others were there.
        prompts, seeds: how many prompts each setting drew, and each with how many seeds.
        settings: what each came to, in the order of the grid.

    Example:
        >>> found = synthgen.sweep("specs/quickstart.yaml", ["model.steps=1,2"], "outputs/swept", prompts=2, seeds=2)
        >>> found.settings[1].values["model.steps"]
        '2'
    """

    page: str
    table: str
    record: str
    rendered: int
    prompts: int
    seeds: int
    settings: tuple[SettingMeasures, ...]

    def __repr__(self) -> str:
        return f"<Sweep {inert(self.page)}: {len(self.settings)} settings, {self.rendered} images rendered now>"


@one_spelling
def sweep(
    spec: SpecInput,
    over: Sequence[str],
    path: PathInput,
    *,
    prompts: int = 8,
    seeds: int = 4,
    device: str = "auto",
    most: int = MOST_IMAGES,
    on_progress: OnProgress = ignore,
    stop: Callable[[], bool] = lambda: False,
) -> Sweep:
    """Render the same prompts and seeds with every combination of settings, judge them, and compare.

    Every setting is kept when it is complete: what a stop or a kill left unfinished is rendered when the same sweep is
    started again, and so is what has changed.

    Args:
        over: such as "model.guidance=1,1.5,3", each a key with its values.
        path: a folder, for a page, a CSV and a JSON file, and what was rendered.
        prompts: how many prompts each setting draws, those of a preview.
        seeds: how many images of each prompt.
        most: the most images to render now.

    Raises:
        UsageError: a setting cannot act, or there would be more than `most` images; nothing was rendered.
        Interrupted: `stop` said so, between two settings.
        ModelError, DeviceError, StorageError: as `run`.

    Example:
        >>> synthgen.sweep("specs/quickstart.yaml", ["model.steps=1,2"], "outputs/swept", prompts=2, seeds=2).page
        'outputs/swept/index.html'
    """
    if isinstance(spec, Spec):
        source = SpecText(written_in_full(spec), "spec", has_lines=False)
    else:
        source = read_source(spec, "spec")
    limits = number_of(prompts, "prompts"), number_of(seeds, "seeds"), number_of(most, "most")
    folder = path_of(path, "path")
    return swept(source, NO_CHANGES, texts_of(over, "over"), folder, limits, device_of(device), on_progress, stop)


def swept(
    source: SpecText,
    changes: Settings,
    over: Sequence[str],
    folder: Path,
    limits: tuple[int, int, int],
    device: str,
    on_progress: OnProgress,
    stop: Callable[[], bool],
) -> Sweep:
    """Do what `sweep` does, with a spec as a text and what changes it; `limits` are prompts, seeds and most images."""
    prompts, seeds, most = limits
    check_file(folder / PAGE)
    grid = grid_of(source, changes, over)
    wanted = [several_seeds(one.plan, prompts * seeds, seeds) for one in grid]
    files = [file_of(folder / SETTINGS, one.plan, asked) for one, asked in zip(grid, wanted, strict=True)]
    kept = [read_rows(file, len(asked)) for file, asked in zip(files, wanted, strict=True)]
    missing = [place for place, rows in enumerate(kept) if rows is None]
    total, there = len(grid) * prompts * seeds, (len(grid) - len(missing)) * prompts * seeds
    _check_size([grid[place] for place in missing], prompts, seeds, most)

    done = there
    earlier: list[Generator] = []
    on_progress(StepProgress("sweeping", "images", done, total))
    for place in missing:
        if stop():
            raise stopped()

        def report(images: int, before: int = done) -> None:
            on_progress(StepProgress("sweeping", "images", before + images, total))

        _render(grid[place], wanted[place], files[place], device, report, earlier)
        done += prompts * seeds
        kept[place] = read_rows(files[place], len(wanted[place]))
    rows = [each for each in kept if each is not None]
    assert len(rows) == len(grid), "what was written is read again"

    from synthgen.api.sweep_measures import measured  # its statistics take seconds to import

    found = measured([(one.values, own) for one, own in zip(grid, rows, strict=True)])
    page, table, record = (str(folder / name) for name in (PAGE, TABLE, RECORD))
    result = Sweep(page, table, record, total - there, prompts, seeds, found)
    write_file(folder / TABLE, _as_csv(found).encode())
    write_file(folder / RECORD, (json.dumps(as_result(result), indent=1, ensure_ascii=False) + "\n").encode())
    _show(result, grid, rows, folder)
    return result


def _check_size(missing: Sequence[GridSetting], prompts: int, seeds: int, most: int) -> None:
    """Say how much will be rendered, and refuse it if it is more than was asked for.

    Raises:
        UsageError: it is.
    """
    images = len(missing) * prompts * seeds
    if not images:
        return
    times = []
    for one in missing:
        expected = forecast(one.plan)
        times.append(None if expected.seconds is None else expected.seconds / max(expected.attempts, 1))
    known = [each for each in times if each is not None]
    time = f", about {sum(known) * prompts * seeds:,.0f} s" if len(known) == len(times) else ""
    what = f"{images:,} images{time}: {len(missing)} settings of {prompts} prompts with {seeds} seeds"
    if images > most:
        hint = f"Ask for fewer `prompts` or `seeds`, or set `most={images}`."
        raise UsageError(f"this would render {what}; at most {most:,} are rendered", argument="most", hint=hint)
    _LOG.info("this renders %s", what)


def _render(
    setting: GridSetting,
    candidates: Sequence[Candidate],
    file: Path,
    device: str,
    report: Callable[[int], None],
    earlier: list[Generator],
) -> None:
    """Render and judge a setting, and keep it.

    Args:
        earlier: the generator of the setting before, whose model this one may take over; it is replaced by this one's.
    """
    from synthgen.running.shard.preview import preview

    generator = wiring.generator(setting.plan, device)
    judge = wiring.judge(setting.plan, device, generator)
    if earlier:
        wiring.hand_over(earlier.pop(), generator)  # one that cannot be taken over is gone before another is loaded
    rows: list[LedgerRow] = []
    for row in preview(setting.plan, generator, judge, candidates):
        rows.append(row)
        report(len(rows))
    write_rows(file, rows, {**generator.provenance(), **judge.provenance()})
    earlier.append(generator)


def as_result(found: Sweep) -> dict[str, object]:
    """Return a sweep for programs."""
    return {
        "page": found.page,
        "table": found.table,
        "record": found.record,
        "rendered": found.rendered,
        "prompts": found.prompts,
        "seeds": found.seeds,
        "settings": [_as_json(one) for one in found.settings],
    }


def _as_json(one: SettingMeasures) -> dict[str, object]:
    return {
        "values": dict(one.values),
        "attempts": one.attempts,
        "passed": one.passed,
        "failed": one.failed,
        "yield": asdict(one.yields),
        "fidelity": {
            name: {"value": value, "interval": [interval.low, interval.high] if interval else None}
            for name, (value, interval) in one.fidelity.items()
        },
        "distinct": as_json(one.distinct),
        "seconds": one.seconds,
        "seconds_accepted": asdict(one.seconds_accepted) if one.seconds_accepted else None,
        "differences": {name: asdict(each) for name, each in one.differences.items()},
    }


def _as_csv(settings: Sequence[SettingMeasures]) -> str:
    """Write a row for each setting."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    keys = list(settings[0].values)
    ends = ["", "_low", "_high"]
    heads = [name + end for name in ("yield", "label", "clip", "distinct") for end in ends]
    more = ["distinct_of", "seconds", *(f"seconds_accepted{end}" for end in ends)]
    writer.writerow([*map(inert_cell, keys), "attempts", "passed", "failed", *heads, *more])
    for one in settings:
        figures = [
            (one.yields.value, one.yields),
            *(one.fidelity.get(name, (None, None)) for name in ("label", "clip")),
        ]
        figures.append((one.distinct.value, one.distinct.pictures) if one.distinct else (None, None))
        writer.writerow(
            [*(inert_cell(one.values[key]) for key in keys), one.attempts, one.passed, one.failed]
            + [cell for value, interval in figures for cell in _cells(value, interval)]
            + [one.distinct.of if one.distinct else "", f"{one.seconds:.6g}"]
            + _cells(one.seconds_accepted.value if one.seconds_accepted else None, one.seconds_accepted)
        )
    return buffer.getvalue()


def _cells(value: float | None, interval: Estimate | None) -> list[str]:
    ends = (interval.low, interval.high) if interval else (None, None)
    return ["" if each is None else f"{each:.6g}" for each in (value, *ends)]


def _show(found: Sweep, grid: Sequence[GridSetting], rows: Sequence[Sequence[LedgerRow]], folder: Path) -> None:
    from synthgen.pages.facts import facts
    from synthgen.pages.sweep import write_comparison

    planned = grid[0].plan
    swept_keys: Mapping[str, str] = {key.rpartition(".")[2]: key for key in grid[0].values}
    shared = {name: fact for name, fact in facts(planned).items() if name not in swept_keys}
    write_comparison(
        folder / PAGE,
        title=f"{planned.spec.name}: a sweep",
        facts={**shared, "prompts": str(found.prompts), "seeds of each": str(found.seeds)},
        settings=[(one.name, measures) for one, measures in zip(grid, found.settings, strict=True)],
        rows=rows,
    )

"""How often is a gate's verdict wrong? Whole audits of sets whose truth is at the limit, by kind of evidence.

    nice python -m tests.benchmarks.audit_verdicts --audits 200 --results verdicts.jsonl

Appends one line for each audit to the results, and skips those that are there: parts can be run apart, with `--only`
and `--classes`. `--docs docs` puts the tables between the marks of docs/audit-statistics.md.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Annotated, Any
from unittest.mock import patch

import numpy as np
import typer
from scipy.stats import beta

from synthgen.auditing import gate_checks, scopes
from synthgen.auditing import measure as measuring
from synthgen.auditing.effect import Effect
from synthgen.auditing.findings import Figure, Findings, Quote, Scope, Share
from synthgen.auditing.gates import Gate
from synthgen.auditing.groups import find
from synthgen.auditing.measure import measure
from synthgen.auditing.table import Answers
from synthgen.stats.association import Association
from synthgen.stats.distance import Distance, Target, total_variation
from synthgen.stats.estimates import Floats
from tests.benchmarks.audit_worlds import KINDS, SIZES, SKIN, VALUES
from tests.benchmarks.page import paragraph, put_into, table

CLASSES = tuple(SIZES)
STEP = 0.01
"""How far a limit is from the truth where it is 'slightly' on one side of it."""
EVEN = np.full(len(VALUES), 1 / len(VALUES))
REFUSED = (
    "known, values lost",
    "labels, the surest",
    "20 labels, the surest",
    "labels, sorted sheet",
    "right matrix",
    "wrong matrix",
    "unchecked",
    "unchecked, but trusted",
)
Result = dict[str, Any]
"""Of one audit: kind, classes, seed; outcomes by gate; the intervals that hold the truth, and their number, by place
and evidence."""


def audit(kind: str, classes: int, seed: int, distances: bool = True) -> Result:
    """Make a set and audit it, with gates at its truth and beside it."""
    rng = np.random.default_rng([seed, classes, *kind.encode()])
    world, options = KINDS[kind](classes, rng)
    gates = list(gates_at(world.shares, distances))
    if not distances:
        options = replace(options, references={})
    with verdicts_alone():
        found = measure(world.table, SKIN, replace(options, gates=[gate for gate, _ in gates]), seed)
    verdicts = [(case, result.outcome.value) for (_, case), result in zip(gates, found.gates, strict=True)]
    return {
        "kind": kind,
        "classes": classes,
        "seed": seed,
        "verdicts": [[*case, outcome] for case, outcome in verdicts],
        "covered": covered(found, world.shares),
    }


@contextmanager
def verdicts_alone() -> Iterator[None]:
    """Leave out of audits what no gate here looks at: other distances, groups, associations, joint intervals."""
    every_figure = scopes._distances

    def quoted_alone(
        answers: Answers,
        wanted: Target,
        shares: Sequence[Share],
        images: int,
        effect: Effect,
        quoted: Quote,
        *rest: Any,
    ) -> Iterator[tuple[Figure, tuple[Distance, ...]]]:
        if quoted.figure not in (None, Figure.RAW, Figure.CLUSTERED):
            shares = [replace(share, raw=None, clustered=None) for share in shares]
        return every_figure(answers, wanted, shares, images, effect, quoted, *rest)

    with ExitStack() as stack:
        for where, name, instead in (
            (gate_checks, "FEW_CLASSES", 0),
            (find, "MANY_CLASSES", 0),
            (find, "find_slices", lambda *_: None),
            (measuring, "find_association", lambda *_: Association(None, None, 0)),
            (measuring, "with_simultaneous", list),
            (measuring, "labels_needed", lambda *_: None),
            (scopes, "_distances", quoted_alone),
        ):
            stack.enter_context(patch.object(where, name, instead))
        yield


def gates_at(shares: Floats, distances: bool) -> Iterator[tuple[Gate, tuple[str, str, str]]]:
    """Yield gates with where, what and how their limit lies to the truth: 'at' it, or 'kept' or 'broken' by a step."""
    for within, rows in (("class", shares), ("dataset", shares.mean(0, keepdims=True))):
        figures: list[tuple[str, str | None, Floats]] = [("share", "light", rows[:, 0]), ("share", "dark", rows[:, 2])]
        if distances:
            figures.append(("tv", None, total_variation(rows, EVEN)))
        for (measured, value, true), most in product(figures, (True, False)):
            edge = float(true.max() if most else true.min())
            sign = 1 if most else -1
            for how, limit in (("at", edge), ("kept", edge + sign * STEP), ("broken", edge - sign * STEP)):
                name = f"share of {value}" if value else measured
                gate = Gate("skin", within, measured, most, limit, value)  # type: ignore[arg-type]
                yield gate, (within, f"{name} {'<=' if most else '>='}", how)


def covered(found: Findings, shares: Floats) -> dict[str, list[int]]:
    """Count quoted intervals with the truth inside, and all of them, by place, figure and whether they decide gates."""
    counts: dict[str, list[int]] = {}
    for scope, true in zip(found.attributes[0].scopes, (shares.mean(0), *shares), strict=True):
        if scope.quote.figure is None:
            continue
        place = "class" if scope.class_name is not None else "dataset"
        own = counts.setdefault(f"{place} / {scope.quote.figure.value} / {_status(scope)}", [0, 0])
        for share, truth in zip(scope.shares, true, strict=True):
            interval = share.of(scope.quote.figure)
            assert interval is not None, "it is quoted"
            own[0] += int(interval.low - 1e-12 <= truth <= interval.high + 1e-12)
            own[1] += 1
    return counts


def _status(scope: Scope) -> str:
    if scope.quote.unchecked:
        return "unchecked"
    return "worst case" if scope.unknown and scope.quote.figure in (Figure.RAW, Figure.CLUSTERED) else "decides"


def exact(count: float, of: float) -> tuple[float, float]:
    """Return the interval of Clopper and Pearson (1934, Biometrika 26), 95 %."""
    low = float(beta.ppf(0.025, count, of - count + 1)) if count else 0.0
    high = float(beta.ppf(0.975, count + 1, of - count)) if count < of else 1.0
    return low, high


def rate_of_intervals(counts: Floats) -> tuple[float, float, float]:
    """Return the share of intervals that hold the truth, and its own interval, of [audits, held and all].

    Intervals of one audit are not independent, so they count as as many as have the variance seen between audits
    (Korn and Graubard 1998, Survey Methodology 24); where all hold or none does, as many as there are audits.
    """
    held, of = counts.sum(0)
    share = float(held / of)
    variance = float(((counts[:, 0] - share * counts[:, 1]) ** 2).sum() / of**2)
    images = min(share * (1 - share) / variance, of) if variance else len(counts)
    return share, *exact(share * images, images)


def wrong(how: str, outcome: str) -> bool:
    """Whether a verdict is wrong: at the truth itself, either verdict is what a hair's breadth would make wrong."""
    refused = {"at": {"pass", "fail"}, "kept": {"fail"}, "broken": {"pass"}}
    return outcome in refused[how]


def tables(results: Sequence[Result]) -> Iterator[str]:
    cells = sorted({(each["kind"], each["classes"]) for each in results}, key=lambda cell: (_order(cell[0]), cell[1]))
    rows, cover = [], []
    for kind, classes in cells:
        own = [each for each in results if (each["kind"], each["classes"]) == (kind, classes)]
        rows += [(kind, classes, len(own), *line) for line in _verdicts(own)]
        cover += [(kind, classes, *line) for line in _coverage(own)]
    yield from paragraph(
        "**Verdicts at the limit.** Whole audits; every gate has its limit exactly at the truth, or "
        f"{100 * STEP:g} point beside it. A family is a gate, with all its classes. Percent of families with a wrong "
        "verdict, the 95 % interval of Clopper and Pearson, and the gate for which that is worst: `fail` where the "
        "truth is at the limit or keeps it, `pass` where it is at the limit or breaks it; and how many families got "
        "any verdict in all gates."
    )
    head = ["evidence", "classes", "audits", "gate", "false fail", "false pass", "worst gates", "decided"]
    yield from table(head, rows)
    yield from paragraph(
        "**Coverage of the intervals quoted.** Percent that contain the truth, with a 95 % interval from audit to "
        "audit. Those that decide gates should hold it in 93 to 97 of 100, and are bold where they certainly do not; "
        "the others are marked as unchecked. `quoted` counts the intervals of all audits."
    )
    yield from table(["evidence", "classes", "intervals", "figure", "gates", "quoted", "coverage"], cover)


def _order(kind: str) -> int:
    return list(KINDS).index(kind)


def _verdicts(own: Sequence[Result]) -> Iterator[tuple[str, ...]]:
    for within, place in (("class", "within class"), ("dataset", "overall")):
        seen: dict[tuple[str, str], Counter[str]] = {}
        for each in own:
            for where, what, how, outcome in each["verdicts"]:
                if where == within:
                    seen.setdefault((what, how), Counter())[outcome] += 1
        fails = {case: count["fail"] for case, count in seen.items() if case[1] != "broken"}
        passes = {case: count["pass"] for case, count in seen.items() if case[1] != "kept"}
        of = {case: count.total() for case, count in seen.items()}
        decided = sum(count["pass"] + count["fail"] for count in seen.values()) / sum(of.values())
        worst = [max(counts, key=lambda case: counts[case] / of[case]) for counts in (fails, passes)]
        named = "; ".join(f"{what} ({how})" for what, how in worst)
        rates = [_rate(counts[case], of[case]) for counts, case in zip((fails, passes), worst, strict=True)]
        yield place, *rates, named, f"{100 * decided:.0f}"


def _rate(count: int, of: int) -> str:
    low, high = exact(count, of)
    text = f"{100 * count / of:.1f} ({100 * low:.1f}-{100 * high:.1f})"
    return f"**{text}**" if low > 0.05 else text


def _coverage(own: Sequence[Result]) -> Iterator[tuple[str, ...]]:
    names = sorted({name for each in own for name in each["covered"]})
    for name in names:
        counts = np.array([each["covered"][name] for each in own if name in each["covered"]], dtype=float)
        share, low, high = rate_of_intervals(counts)
        text = f"{100 * share:.1f} ({100 * low:.1f}-{100 * high:.1f})"
        place, figure, status = name.split(" / ")
        where = "within class" if place == "class" else "overall"
        outside = status == "decides" and (high < 0.93 or low > 0.97)
        yield where, figure, status, f"{counts[:, 1].sum():,.0f}", f"**{text}**" if outside else text


def read(path: Path) -> list[Result]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


def main(
    audits: Annotated[int, typer.Option(help="Of each kind of evidence and number of classes.")] = 200,
    only: Annotated[list[str] | None, typer.Option(help="Kinds of evidence; by default all.")] = None,
    classes: Annotated[list[int] | None, typer.Option(help="2, 20 or 100; by default all.")] = None,
    seed: Annotated[int, typer.Option(help="Of the first audit.")] = 0,
    workers: Annotated[int, typer.Option(help="Processes.")] = 1,
    results: Annotated[Path, typer.Option(help="Where results are kept, and added to.")] = Path("verdicts.jsonl"),
    docs: Annotated[Path | None, typer.Option(help="The folder with audit-statistics.md, to write tables.")] = None,
) -> None:
    """Run what is missing of the audits, and print the tables of all results."""
    before = {(each["kind"], each["classes"], each["seed"]) for each in read(results)}
    for kind, many in product(only or KINDS, classes or CLASSES):
        seeds = [each for each in range(seed, seed + audits) if (kind, many, each) not in before]
        job = partial(audit, kind, many, distances=_has_distances(kind, many))
        with results.open("a", encoding="utf-8") as file:
            for result in _run(job, seeds, workers):
                file.write(json.dumps(result) + "\n")
                file.flush()
        print(kind, many, len(seeds), flush=True)
    text = "\n".join(tables(read(results))) + "\n"
    print(text)
    if docs is not None:
        put_into(docs / "audit-statistics.md", text, "verdicts")


def _has_distances(kind: str, classes: int) -> bool:
    """Distances take up to two seconds an audit. So of a hundred classes, they are measured in the first known columns
    alone, and of twenty, not where two classes show that no gate is ever decided, or that every gate is (trusted)."""
    return classes == 2 or (classes == 20 and kind not in REFUSED)


def _run(job: "partial[Result]", seeds: Sequence[int], workers: int) -> Iterator[Result]:
    if workers == 1:
        yield from map(job, seeds)
        return
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(job, seeds)


if __name__ == "__main__":
    typer.run(main)

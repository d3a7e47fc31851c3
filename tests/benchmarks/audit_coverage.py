"""Do the audit's 95 % intervals contain the truth in 95 of 100 audits? Simulated audits, whose truth is known.

    python -m tests.benchmarks.audit_coverage

Puts its tables between the marks of docs/audit-statistics.md, after about ten minutes on one core. With
`--repetitions 20 --docs FOLDER` it shows that it runs, and leaves the docs alone.
"""

import sys
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from synthgen.stats.clusters import bootstrap, design_effect
from synthgen.stats.distance import FUNCTIONS, Measure, distances
from synthgen.stats.estimates import wilson, wilson_with_effect
from tests.benchmarks.audit_simulation import (
    JITTER,
    JUDGES,
    SKEWS,
    by_labels,
    by_matrix,
    by_normal,
    covered,
    raw,
    simulate,
    width,
)
from tests.benchmarks.page import paragraph, put_into, table

ROOT = Path(__file__).parents[2]
SIZES = ((100, 50), (300, 100), (1000, 300), (3000, 300))
"""Images of a class, and how many of them are labelled."""
MATRIX = 200
"""Labelled images of each value that the confusion matrix is made of."""
RARELY = "2 %, one way"
LOW, HIGH = 0.93, 0.97


def main(
    repetitions: Annotated[int, typer.Option(help="Simulated audits of each setting.")] = 1000,
    docs: Annotated[Path, typer.Option(help="The folder with audit-statistics.md.")] = ROOT / "docs",
) -> None:
    """Measure, and write the tables into the docs."""
    lines = [
        *_shares(repetitions),
        *_few_labels(repetitions),
        *_prompts(repetitions),
        *_far(min(repetitions, 400)),
    ]
    text = "\n".join(lines) + "\n"
    put_into(docs / "audit-statistics.md", text)
    print(text)


def _shares(repetitions: int) -> Iterator[str]:
    rng, found = np.random.default_rng(0), []
    should: dict[str, list[float]] = {"raw": [], "matrix": [], "labels": []}
    judges = [judge for judge in JUDGES if judge != RARELY]
    for (images, labels), skew, judge in product(SIZES, SKEWS, judges):
        audits = simulate(skew, judge, images, labels, MATRIX, repetitions, rng)
        plain, matrix, labelled = (list(covered(audits, of(audits))) for of in (raw, by_matrix, by_labels))
        should["raw"] += plain[:1] if judge == "none" else []
        should["matrix"] += matrix[:1] if judge != "depending on the class" else []
        should["labels"] += labelled
        print(images, skew, judge, file=sys.stderr)
        found.append((f"{images:,}", labels, skew, judge, *map(_percent, (plain[0], matrix[0], *labelled))))
    yield from paragraph(
        f"**Coverage of shares.** {repetitions:,} audits of each setting, with three values and two classes of the "
        "given size, whose shares are in opposite order. Each audit has its own shares, within a factor of "
        f"e^{JITTER:g} of the nominal ones. The confusion matrix has {MATRIX} images of each value, half of each "
        "class. In percent: how many of the intervals that claim 95 contain the truth; outside of 93 to 97 it is bold."
    )
    head = ["images of a class", "labelled", "shares", "judge's errors"]
    yield from table([*head, "raw", "matrix (a)", "labels (b)", "labels (b), overall"], found)
    yield from paragraph(
        f"What should hold: raw, with a judge that makes no errors, {_held(should['raw'])}; the matrix, where errors "
        f"do not depend on the class, {_held(should['matrix'])}; labels, in one class and overall and whatever the "
        f"errors, {_held(should['labels'])}."
    )


def _held(shares: Sequence[float]) -> str:
    below, above = sum(share < LOW for share in shares), sum(share > HIGH for share in shares)
    return f"is below 93 in {below} and above 97 in {above} of {len(shares)}"


def _few_labels(repetitions: int) -> Iterator[str]:
    rng, found = np.random.default_rng(1), []
    for labels, skew, judge in product((20, 50, 100, 300), SKEWS, ("none", RARELY, "asymmetric")):
        audits = simulate(skew, judge, 1000, labels, MATRIX, repetitions, rng)
        score, normal, plain = by_labels(audits), by_normal(audits), raw(audits)
        shares = (next(covered(audits, ends)) for ends in (score, normal, plain))
        widths = (f"{100 * width(ends) / 2:.1f}" for ends in (score, normal, plain))
        found.append(
            (labels, skew, judge, *(part for pair in zip(map(_percent, shares), widths, strict=True) for part in pair))
        )
    yield from paragraph(
        "**Few labels.** 1,000 images of a class; coverage in percent, and half the mean width of the interval in "
        "points: of the interval used here, of PPI++'s own normal one, and of the raw share, whose interval is narrow "
        "and misses the truth."
    )
    head = ["labelled", "shares", "judge's errors"]
    yield from table([*head, "labels (b)", "±", "PPI++, normal", "±", "raw", "±"], found)


def _prompts(repetitions: int) -> Iterator[str]:
    rng, found = np.random.default_rng(2), []
    for prompts, likeness, share in product((12, 20, 50, 200), (0.0, 0.1, 0.3), (0.5, 0.1)):
        images, hits, wide = 10, [0, 0], 0.0
        for _ in range(repetitions):
            spread = (1 - likeness) / likeness if likeness else np.inf
            own = rng.beta(share * spread, (1 - share) * spread, prompts) if likeness else np.full(prompts, share)
            counts = rng.binomial(images, own)[:, None]
            counts = np.hstack([counts, images - counts])
            drawn = bootstrap(np.zeros(prompts, dtype=np.int64), rng)
            assert drawn is not None, "there are enough prompts"
            effect = design_effect(counts, drawn) or 1.0
            total = int(counts[:, 0].sum())
            plain = wilson(total, prompts * images)
            alike = wilson_with_effect(total, prompts * images, effect, drawn.freedom)
            for index, each in enumerate((plain, alike)):
                assert each is not None, "there are images"
                hits[index] += each.low <= share <= each.high
            wide += effect / repetitions
        percents = (_percent(hit / repetitions) for hit in hits)
        found.append((prompts, f"{likeness:g}", f"{share:.0%}", f"{wide:.1f}", *percents))
    yield from paragraph(
        "**Images of one prompt.** Ten images of each prompt; the shares vary from prompt to prompt so that two images "
        "of one have the given correlation. Coverage in percent, of the truth over all possible prompts."
    )
    head = ["prompts", "correlation", "share", "mean design effect"]
    yield from table([*head, "Wilson", "clustered"], found)


def _far(repetitions: int) -> Iterator[str]:
    rng, found, even = np.random.default_rng(3), [], np.full(3, 1 / 3)
    for images, skew in product((30, 100, 1000), SKEWS):
        hits = dict.fromkeys(Measure, 0)
        for _ in range(repetitions):
            truth = np.array(SKEWS[skew])
            if skew != "even":
                truth = truth * np.exp(rng.uniform(-JITTER, JITTER, 3))
                truth /= truth.sum()
            for each in distances(rng.multinomial(images, truth) / images, images, even, None, rng):
                far = float(FUNCTIONS[each.measure](truth, even))
                hits[each.measure] += each.found.low - 1e-9 <= far <= each.found.high + 1e-9
        print("distances", images, skew, file=sys.stderr)
        found.append((images, skew, *(_percent(hits[each] / repetitions) for each in Measure)))
    yield from paragraph(
        f"**Distances** from even shares, in {repetitions:,} samples. Coverage in percent. Where the truth is at no "
        "distance, only one end can miss it."
    )
    yield from table(["images", "shares", *(each.value for each in Measure)], found)


def _percent(share: float) -> str:
    text = f"{100 * share:.1f}"
    return text if LOW <= share <= HIGH else f"**{text}**"


if __name__ == "__main__":
    typer.run(main)

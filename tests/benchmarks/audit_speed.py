"""How long the audit of a large table takes, and how much memory. No image is read: the attributes are known.

    python -m tests.benchmarks.audit_speed

Puts its table between the marks of docs/audit-statistics.md, after about three minutes on one core. It fails where
any audit takes 2 GiB, and on no time.
"""

import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer

from synthgen.auditing.measure import AuditOptions, measure
from synthgen.stats.distance import uniform
from tests.benchmarks.page import paragraph, put_into, table

ROOT = Path(__file__).parents[2]
MOST_GIB = 2.0
SETS = ((6, 4), (100, 4), (1000, 1))
"""Classes and attributes."""


def main(
    rows: Annotated[int, typer.Option(help="Images of an audit.")] = 1_000_000,
    docs: Annotated[Path, typer.Option(help="The folder with audit-statistics.md.")] = ROOT / "docs",
) -> None:
    """Measure each set in a process of its own, and write the table into the docs."""
    found = []
    for classes, attributes in SETS:
        code = f"from tests.benchmarks.audit_speed import timed; timed({rows}, {classes}, {attributes})"
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
        seconds, before, most = map(float, done.stdout.split())
        assert most < MOST_GIB, f"{most:.2f} GiB for {classes} classes"
        print(classes, attributes, f"{seconds:.1f} s", file=sys.stderr)
        found.append((classes, attributes, f"{seconds:.1f} s", f"{most:.2f} GiB", f"{before:.2f} GiB"))
    lines = [
        *paragraph(
            f"**Speed.** {rows:,} images of {rows // 20:,} prompts; known attributes, uniform references, a gate for "
            f"each attribute, and all of them crossed with the class. One process, on a shared machine with "
            f"{os.cpu_count()} cores."
        ),
        *table(["classes", "attributes", "time", "peak memory", "the table itself and the libraries"], found),
    ]
    text = "\n".join(lines)
    put_into(docs / "audit-statistics.md", text, "speed")
    print(text)


def timed(rows: int, classes: int, attributes: int) -> None:
    """Prints seconds, and GiB before and at most."""
    rng = np.random.default_rng(0)
    values = {f"attribute{index}": tuple("abcde"[: 2 + index]) for index in range(attributes)}
    names = [f"class{index:04}" for index in range(classes)]
    frame = pd.DataFrame({"id": np.arange(rows).astype(str), "label": rng.choice(names, rows)})
    frame["prompt"] = "a portrait, number " + pd.Series(rng.integers(0, max(rows // 20, 1), rows).astype(str))
    for name, own in values.items():
        frame[name] = rng.choice([*own, "unknown"], rows)
    given = AuditOptions(
        references={name: uniform(own) for name, own in values.items()},
        gates=[f"{name} within class: tv <= 0.1" for name in values],
        crossings=[("class", *values)],
        known=list(values),
    )
    before, start = _gib(), time.perf_counter()
    found = measure(frame, values, given)
    assert found.outcome is not None, "there are gates"
    print(time.perf_counter() - start, before, _gib())


def _gib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
    typer.run(main)

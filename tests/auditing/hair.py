"""A set whose judge says 'long' of most short hair, and what is asked of it."""

import numpy as np
import pandas as pd

from synthgen.auditing.findings import Findings
from synthgen.auditing.gates import Gate
from synthgen.auditing.measure import AuditOptions, measure
from synthgen.spec import GateSpec as SpecGate
from synthgen.stats.distance import uniform

HAIR = {"hair": ("short", "long")}
EVEN = {"hair": uniform(HAIR["hair"])}
TRUTH = {"chef": 0.2, "nurse": 0.48, "farmer": 0.25}
"""Of long hair. The judge says it of seven in ten who have short hair, too."""
GATES = (
    "hair within class: share of long >= 0.5",
    "hair over all: share of long >= 0.5",
    "hair within class: tv <= 0.45",
    "hair over all: entropy >= 0.1",
    "hair within class: min_max_ratio >= 0.01",
    "hair over all: js <= 0.5",
    "hair over all: v <= 0.9",
    SpecGate(attribute="hair", within="class", max_tv=0.45),
    Gate("hair", "dataset", "tv", True, 0.45),
)


def judged(images: int = 300, seed: int = 0) -> pd.DataFrame:
    """With the truth in a column that the audit does not know."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"label": np.repeat(list(TRUTH), images)})
    frame["id"] = [f"{row:05}" for row in range(len(frame))]
    long = rng.random(len(frame)) < frame["label"].map(TRUTH)
    frame["truth"] = np.where(long, "long", "short")
    frame["hair"] = np.where(long | (rng.random(len(frame)) < 0.7), "long", "short")
    return frame


FRAME = judged()


def labels(of: dict[str, int]) -> pd.DataFrame:
    """The first so many of each class, labelled; the rows are in random order already."""
    parts = [FRAME[FRAME["label"] == kind].head(many) for kind, many in of.items()]
    return pd.concat(parts)[["id", "truth"]].rename(columns={"truth": "hair"})


def audited(**given: object) -> Findings:
    return measure(FRAME, HAIR, AuditOptions(references=EVEN, **given))  # type: ignore[arg-type]

"""Reports to look at: portraits of the bundled world with a known bias, judged by a simulated judge that errs."""

from collections.abc import Iterator, Mapping
from io import BytesIO
from random import Random

import numpy as np
import pandas as pd

from synthgen.audit.compare import compare
from synthgen.audit.distance import uniform
from synthgen.audit.labelled import draw_sample
from synthgen.audit.measure import Given, measure
from synthgen.audit.report import AuditReport, Cell, Judge, NotMeasured, Picture, Provenance
from synthgen.bundled.world import BACKGROUNDS, HAIR_COLORS, HAIR_LENGTHS, OCCUPATIONS, SKINS, Person, render

ATTRIBUTES = {"skin_tone": SKINS, "hair_length": HAIR_LENGTHS, "glasses": ("with glasses", "without glasses")}
GATES = (
    "skin_tone within class: tv <= 0.2",
    "skin_tone over all: tv <= 0.08",
    "hair_length within class: unknown <= 20%",
    "glasses over all: share of with glasses >= 10%",
)
_DARK = {"doctor": 0.10, "nurse": 0.34, "chef": 0.22, "builder": 0.40, "farmer": 0.42, "police officer": 0.33}
_LONG = {"doctor": 0.25, "nurse": 0.70, "chef": 0.35, "builder": 0.10, "farmer": 0.30, "police officer": 0.20}


def attempts(images: int, seed: int = 0, even: float = 0.0) -> pd.DataFrame:
    """The ledger: truths in columns that begin with `true_`, and what the judge said of them. `even` pulls the shares
    towards equal ones, 0 to 1."""
    rng = np.random.default_rng(seed)
    label = rng.choice(OCCUPATIONS, images)
    frame = pd.DataFrame({"id": [f"{row // 256:05}-{row % 256:06}" for row in range(images)], "label": label})
    frame["prompt"] = [f"a portrait of a {kind}, template {rng.integers(24)}" for kind in label]
    dark = np.array([_DARK[kind] * (1 - even) + even / 3 for kind in label])
    long = np.array([_LONG[kind] * (1 - even) + even / 3 for kind in label])
    frame["true_skin_tone"] = _drawn(rng, SKINS, np.stack([(1 - dark) * 0.6, (1 - dark) * 0.4, dark], 1))
    frame["true_hair_length"] = _drawn(rng, HAIR_LENGTHS, np.stack([(1 - long) * 0.8, long, (1 - long) * 0.2], 1))
    frame["true_glasses"] = rng.choice(ATTRIBUTES["glasses"], images, p=(0.22, 0.78))
    judged(frame, rng)
    stopped = rng.random(images)
    harsh = np.where(frame["true_skin_tone"] == "dark", 0.34, 0.14)
    frame["verdict"], frame["reason"] = "accepted", None
    for reason, share in (("duplicate", harsh + 0.05), ("label", harsh), ("unsafe", harsh * 0.2), ("blurred", 0.015)):
        frame.loc[stopped < share, ["verdict", "reason"]] = ["rejected", reason]
    failed = stopped > 0.993
    frame.loc[failed, ["verdict", "reason"]] = ["failed", "out_of_memory"]
    frame.loc[failed, list(ATTRIBUTES)] = None
    return frame


def judged(frame: pd.DataFrame, rng: np.random.Generator, errors: float = 0.08) -> None:
    """A judge that errs on some and abstains on some, on dark skin most."""
    for name, values in ATTRIBUTES.items():
        wrong = rng.random(len(frame))
        answers = np.where(wrong < errors, rng.choice(values, len(frame)), frame[f"true_{name}"])
        silent = np.where(frame["true_skin_tone"] == "dark", 0.12, 0.04)
        frame[name] = np.where(wrong > 1 - silent, "unknown", answers)
    frame.loc[frame["true_hair_length"] == "bald", "hair_length"] = "bald"


def demo(images: int = 1600, seed: int = 0) -> AuditReport:
    """Everything that a report may hold, of a set that does not pass."""
    ledger = attempts(images, seed)
    frame = ledger[ledger["verdict"] == "accepted"].drop(columns=["verdict", "reason"])
    real = attempts(900, seed + 1, even=0.5)
    real = real.assign(**{name: real[f"true_{name}"] for name in ATTRIBUTES})
    second = frame.copy()
    judged(second, np.random.default_rng(seed + 2), errors=0.2)
    other = attempts(1000, seed + 3, even=0.8)
    findings = measure(
        frame,
        ATTRIBUTES,
        Given(
            classes=OCCUPATIONS,
            references={"skin_tone": uniform(SKINS)},
            labels=labels(frame, 240, seed),
            ledger=ledger,
            real=real,
            second=second[["id", *ATTRIBUTES]],
            crossings=(("class", "skin_tone"), ("skin_tone", "hair_length", "glasses")),
            gates=GATES,
        ),
        seed,
    )
    given = Given(classes=OCCUPATIONS, references={"skin_tone": uniform(SKINS)})
    return AuditReport(
        title="Portraits of workers",
        set_name="workers-v3",
        source="outputs/workers-v3, plan 1f0c9a2e",
        judge=Judge("bundled:judge", "sha256:5b0d6c1e"),
        second_judge=Judge("ViT-B-32/laion2b", "82a1f9c"),
        same_judge=True,
        findings=findings,
        provenance=Provenance("0.1.0", "2026-11-23T14:05:00+00:00", seed),
        comparison=compare(measure(frame, ATTRIBUTES, given, seed), measure(other, ATTRIBUTES, given, seed)),
        compared_with="workers-v2",
        pictures=dict(pictures(frame)),
        not_measured=(
            NotMeasured("age", "the spec declares no such attribute"),
            NotMeasured("kernel distance to the real set", "it was given as labels only, without images"),
        ),
    )


def plain(frame: pd.DataFrame, attributes: Mapping[str, tuple[str, ...]], **further: object) -> AuditReport:
    """A set with its attributes and nothing else."""
    given = Given(**further)  # type: ignore[arg-type]
    return AuditReport(
        title="A set",
        set_name="set",
        source="set.csv",
        judge=None,
        same_judge=False,
        findings=measure(frame, attributes, given),
        provenance=Provenance("0.1.0", "2026-11-23T14:05:00+00:00", 0),
    )


def labels(frame: pd.DataFrame, many: int, seed: int) -> pd.DataFrame:
    drawn = draw_sample(frame, many, seed).merge(frame[["id", "true_skin_tone"]], on="id")
    return drawn.rename(columns={"true_skin_tone": "skin_tone"})[["id", "weight", "skin_tone"]]


def pictures(frame: pd.DataFrame, each: int = 4) -> Iterator[tuple[Cell, tuple[Picture, ...]]]:
    for name in ATTRIBUTES:
        for (kind, answer), group in frame.groupby(["label", name], sort=False):
            rows = group.head(each).astype(str).to_dict("records")
            yield (
                Cell(name, str(kind), str(answer)),
                tuple(picture({str(key): row[key] for key in row}) for row in rows),
            )


def picture(row: Mapping[str, str]) -> Picture:
    rng = Random(row["id"])
    hair = row["true_hair_length"]
    person = Person(
        occupation=row["label"],
        skin=row["true_skin_tone"],
        hair_length=hair,
        hair_color=None if hair == "bald" else rng.choice(HAIR_COLORS),
        glasses=row["true_glasses"] == "with glasses",
        background=rng.choice(BACKGROUNDS),
    )
    out = BytesIO()
    render(person, rng).image.save(out, "JPEG", quality=80)
    return Picture(row["id"], row["prompt"], out.getvalue())


def _drawn(rng: np.random.Generator, values: tuple[str, ...], shares: np.ndarray) -> np.ndarray:
    codes = (rng.random(len(shares))[:, None] > shares.cumsum(1)).sum(1)
    drawn: np.ndarray = np.array(values)[np.minimum(codes, len(values) - 1)]
    return drawn

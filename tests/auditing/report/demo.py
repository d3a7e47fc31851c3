"""Reports to look at: portraits of the bundled world with a known bias, judged by a simulated judge that errs."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from io import BytesIO
from random import Random

import numpy as np
import pandas as pd

from synthgen.auditing.compare import compare
from synthgen.auditing.embeddings import ClassDiversity, ClassLeakage, Diversity, Leakage, NearDuplicate
from synthgen.auditing.gates import Gate
from synthgen.auditing.groups.joint import joint_name
from synthgen.auditing.labelled import draw_sample
from synthgen.auditing.measure import AuditOptions, measure
from synthgen.auditing.report import AuditProvenance, AuditReport, JudgeInfo, NotMeasured, PictureCell, ReportPicture
from synthgen.bundled.world import BACKGROUNDS, HAIR_COLORS, HAIR_LENGTHS, OCCUPATIONS, SKINS, Person, render
from synthgen.stats.distance import uniform
from synthgen.stats.estimates import Estimate, wilson

ATTRIBUTES = {"skin_tone": SKINS, "hair_length": HAIR_LENGTHS, "glasses": ("with glasses", "without glasses")}
_DARK = {"doctor": 0.10, "nurse": 0.34, "chef": 0.22, "builder": 0.40, "farmer": 0.42, "police officer": 0.33}
_LONG = {"doctor": 0.25, "nurse": 0.70, "chef": 0.35, "builder": 0.10, "farmer": 0.30, "police officer": 0.20}


def attempts(images: int, seed: int, classes: Sequence[str], even: float = 0.0) -> pd.DataFrame:
    """The ledger: truths in columns that begin with `true_`, and what the judge said of them. `even` pulls the shares
    towards equal ones, 0 to 1."""
    rng = np.random.default_rng(seed)
    label = rng.choice(list(classes), images)
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


def demo(
    images: int = 1600, seed: int = 0, classes: Sequence[str] = OCCUPATIONS, names: Callable[[str], str] = str
) -> AuditReport:
    """Everything that a report may hold, of a set that does not pass. `names` renames classes, attributes, values and
    prompts."""
    ledger = attempts(images, seed, classes)
    frame = ledger[ledger["verdict"] == "accepted"].drop(columns=["verdict", "reason"])
    real = attempts(images // 2, seed + 1, classes, even=0.5)
    real = real.assign(**{name: real[f"true_{name}"] for name in ATTRIBUTES})
    guess = np.random.default_rng(seed + 4).choice([*classes, *classes, "astronaut"], len(frame))
    frame["predicted class"] = np.where(np.random.default_rng(seed + 5).random(len(frame)) < 0.8, frame["label"], guess)
    second = frame.copy()
    judged(second, np.random.default_rng(seed + 2), errors=0.2)
    other = attempts(images // 2, seed + 3, classes, even=0.8)
    attributes = {names(name): tuple(map(names, values)) for name, values in ATTRIBUTES.items()}
    skin, hair, glasses = attributes
    references = {skin: uniform(attributes[skin])}
    given = AuditOptions(
        classes=[names(kind) for kind in classes],
        references=references,
        labels=renamed(labels(frame, 40 * len(classes), seed), names),
        ledger=renamed(ledger, names),
        real=renamed(real, names),
        second=renamed(second, names)[["id", *attributes]],
        crossings=(("class", skin), (skin, hair, glasses)),
        joints=(joint_name((skin, hair)),),
        reference_groups={glasses: attributes[glasses][0], "class": names(classes[0])},
        gates=(
            Gate(skin, "class", "tv", True, 0.2),
            Gate(skin, "dataset", "tv", True, 0.08),
            Gate(hair, "class", "unknown", True, 0.2),
            Gate(glasses, "dataset", "share", False, 0.1, attributes[glasses][0]),
        ),
    )
    findings = measure(renamed(frame, names), attributes, given, seed)
    against = measure(
        renamed(other, names), attributes, AuditOptions(classes=given.classes, references=references), seed
    )
    return AuditReport(
        title=names("Portraits of workers"),
        set_name=names("workers-v3"),
        source=names("outputs/workers-v3, plan 1f0c9a2e"),
        judge=JudgeInfo(names("bundled:judge"), names("sha256:5b0d6c1e")),
        second_judge=JudgeInfo(names("ViT-B-32/laion2b"), "82a1f9c"),
        same_judge=True,
        predictions=names("predicted"),
        findings=findings,
        provenance=AuditProvenance("0.1.0", "2026-11-23T14:05:00+00:00", seed),
        comparison=compare(findings, against),
        compared_with=names("workers-v2"),
        pictures=dict(pictures(frame, names)),
        **alike(frame, given.classes or (), names),  # type: ignore[arg-type]
        not_measured=(
            NotMeasured(names("age"), names("the spec declares no such attribute")),
            NotMeasured("kernel distance to the real set", "it was given as labels only, without images"),
        ),
    )


def alike(frame: pd.DataFrame, classes: Sequence[str], names: Callable[[str], str]) -> dict[str, object]:
    """Invented diversity and leakage, with pictures that are nearly one."""
    rows = [{str(key): row[key] for key in row} for row in frame.head(10).astype(str).to_dict("records")]
    ours = {names(row["id"]): replace(picture(row, names), id=names(row["id"])) for row in rows}
    theirs = {
        f"{key} again": replace(picture({**row, "id": f"{row['id']}'"}, names), id=f"{key} again")
        for key, row in zip(ours, rows, strict=True)
    }
    pairs = tuple(
        NearDuplicate(first, second, names(row["label"]), names(row["label"]), 0.99 - place / 500)
        for place, (first, second, row) in enumerate(zip(ours, theirs, rows, strict=True))
    )
    scopes: tuple[str | None, ...] = (None, *classes)
    few = wilson(6, 140)
    diverse = [
        ClassDiversity(kind, 200, 100, _near(14 + i), _near(31 + 2 * i), _near(0.41 + i / 50), 6, few)
        for i, kind in enumerate(scopes)
    ]
    leaked = [_leaked(place, kind, few) for place, kind in enumerate(scopes)]
    return {
        "diversity": Diversity(len(frame), 0.95, tuple(diverse), pairs[:4], 4, ("made up, to be looked at",)),
        "leakage": Leakage(len(frame), 800, 0.95, tuple(leaked), pairs, 57),
        "duplicates": ours | theirs,
        "reference_duplicates": theirs,
    }


def _leaked(place: int, kind: str | None, few: Estimate | None) -> ClassLeakage:
    """A kernel distance is over all alone."""
    rows = kind, 200, 90, _near(0.71), 3, few, _near(0.62), _near(0.9)
    if place:
        return ClassLeakage(*rows, None, "the kernel distance needs 100 images of both", 90, 0.88)
    return ClassLeakage(*rows, _near(0.02), None, 90, 0.91, 0.004)


def _near(value: float) -> Estimate:
    return Estimate(value, value * 0.9, value * 1.08)


def renamed(frame: pd.DataFrame, names: Callable[[str], str]) -> pd.DataFrame:
    """With classes, attributes, values and prompts by other names; the answers that are no value stay."""
    found = frame.copy()
    for column in ("label", "prompt", "predicted class", *ATTRIBUTES):
        if column in found:
            words = {word: word if word == "unknown" else names(word) for word in found[column].dropna().unique()}
            found[column] = found[column].map(words)
    return found.rename(columns={name: names(name) for name in ATTRIBUTES})


def plain(frame: pd.DataFrame, attributes: Mapping[str, tuple[str, ...]], **further: object) -> AuditReport:
    """A set with its attributes and nothing else."""
    given = AuditOptions(**further)  # type: ignore[arg-type]
    return AuditReport(
        title="A set",
        set_name="set",
        source="set.csv",
        judge=None,
        same_judge=False,
        findings=measure(frame, attributes, given),
        provenance=AuditProvenance("0.1.0", "2026-11-23T14:05:00+00:00", 0),
    )


def labels(frame: pd.DataFrame, many: int, seed: int) -> pd.DataFrame:
    drawn = draw_sample(frame, many, seed).merge(frame[["id", "true_skin_tone"]], on="id")
    return drawn.rename(columns={"true_skin_tone": "skin_tone"})[["id", "weight", "skin_tone"]]


def pictures(
    frame: pd.DataFrame, names: Callable[[str], str], each: int = 4
) -> Iterator[tuple[PictureCell, tuple[ReportPicture, ...]]]:
    for name in ATTRIBUTES:
        for (kind, answer), group in frame.groupby(["label", name], sort=False):
            rows = group.head(each).astype(str).to_dict("records")
            told = str(answer) if answer == "unknown" else names(str(answer))
            found = tuple(picture({str(key): row[key] for key in row}, names) for row in rows)
            yield PictureCell(names(name), names(str(kind)), told), found


def picture(row: Mapping[str, str], names: Callable[[str], str] = str) -> ReportPicture:
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
    return ReportPicture(row["id"], names(row["prompt"]), out.getvalue())


def _drawn(rng: np.random.Generator, values: tuple[str, ...], shares: np.ndarray) -> np.ndarray:
    codes = (rng.random(len(shares))[:, None] > shares.cumsum(1)).sum(1)
    drawn: np.ndarray = np.array(values)[np.minimum(codes, len(values) - 1)]
    return drawn

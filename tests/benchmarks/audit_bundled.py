"""Is the truth in the audit's intervals, with a real judge? Renders of known composition, seen by the bundled judge.

    python -m tests.benchmarks.audit_bundled

Puts its table between the marks of docs/audit.md, after about two minutes on two cores. With
`--images 120 --docs FOLDER` it shows that it runs, and leaves the docs alone.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Annotated

import pandas as pd
import typer
from PIL import ImageEnhance

import synthgen
from synthgen.api.judges import ClipJudges
from synthgen.auditing.findings import Figure, Scope
from synthgen.auditing.input.audited_set import AuditedSet
from synthgen.auditing.input.cached_judge import CachedJudges
from synthgen.auditing.input.observations import AuditQuestion, look_at
from synthgen.bundled.mixture import even, skewed
from synthgen.bundled.world import Person, render
from synthgen.sets import open_set, read_frame
from synthgen.spec import ASIDE, BUNDLED_JUDGE, Attribute, read_declared
from synthgen.stats.estimates import Estimate
from tests.benchmarks.page import paragraph, put_into, table

ROOT = Path(__file__).parents[2]
MATRIX, LABELS = 600, 300
"""Other renders, evenly composed, that the confusion matrix is made of; images of the audited set that are labelled."""
DIM = 0.85
COLORS = {color: [f"a person with {length} {color} hair" for length in ("short", "long")] for color in
          ("black", "brown", "blond", "red")}  # fmt: skip
ATTRIBUTES = {
    "skin_tone": {"values": {tone: [f"a person with {tone} skin"] for tone in ("light", "medium", "dark")}},
    "hair_length": {
        "values": {
            "short": [text for texts in COLORS.values() for text in texts if "short" in text],
            "long": [text for texts in COLORS.values() for text in texts if "long" in text],
            "bald": ["a bald person"],
        }
    },
    "hair_color": {"values": COLORS, "not_applicable": ["a bald person"]},
}
LIGHT = {"as rendered": (1.0, 1.0), "dim": (DIM, DIM), "dim, the matrix of bright ones": (DIM, 1.0)}
"""The brightness of the audited set, and of what the matrix is made of."""
FIGURES = (Figure.RAW, Figure.MATRIX, Figure.LABELS)


def main(
    images: Annotated[int, typer.Option(help="Of the audited set.")] = 1000,
    seed: Annotated[int, typer.Option(help="Of the first audited set.")] = 0,
    repetitions: Annotated[int, typer.Option(help="Audits, each of a set of its own.")] = 1,
    docs: Annotated[Path, typer.Option(help="The folder with audit.md.")] = ROOT / "docs",
) -> None:
    """Measure, and write the table into the docs."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        found = {
            name: [
                row for number in range(repetitions) for row in _audited(folder / name, images, seed + number, light)
            ]
            for name, light in LIGHT.items()
        }
    lines = list(_lines(found, images, repetitions))
    print("\n".join(lines))
    if (docs / "audit.md").is_file():
        put_into(docs / "audit.md", "\n".join(lines))


@dataclass(frozen=True, slots=True)
class Row:
    """A share of one value in one place: the truth, and what the audit's figures say of it."""

    attribute: str
    place: str
    truth: float
    found: dict[Figure, Estimate | None]


def _audited(folder: Path, images: int, seed: int, light: tuple[float, float]) -> Iterator[Row]:
    place, rng = folder / f"set-{seed}", Random(f"set {seed}")
    truth = _rendered(place, [skewed(rng) for _ in range(images)], rng, light[0])
    attributes = _attributes(folder)
    confusions = _matrices(folder, attributes, seed, light[1])
    asked = {"attributes": folder / "attributes.yaml", "judges": [BUNDLED_JUDGE], "cache": folder / "cache"}
    _, labels, _ = synthgen.export_labels(place, LABELS, folder / f"labels-{seed}", seed=seed, **asked)  # type: ignore[arg-type]
    drawn = pd.read_csv(labels, dtype="string").set_index("id")
    for name in attributes:
        drawn[name] = truth[name]
    drawn.to_csv(labels)
    audit = synthgen.audit(place, confusions=confusions, labels=labels, seed=seed, **asked)  # type: ignore[arg-type]
    for attribute in audit.findings.attributes:
        for scope in attribute.scopes:
            yield from _rows(attribute.name, scope, truth)


def _rows(attribute: str, scope: Scope, truth: pd.DataFrame) -> Iterator[Row]:
    within = truth if scope.class_name is None else truth[truth["label"] == scope.class_name]
    valued = within[attribute][~within[attribute].isin(ASIDE)]
    for share in scope.shares:
        found = {figure: share.of(figure) for figure in FIGURES}
        yield Row(attribute, scope.place, float((valued == share.value).mean()), found)


def _rendered(place: Path, people: Sequence[Person], rng: Random, light: float) -> pd.DataFrame:
    """Render them into class folders, so bright; the truth by id."""
    rows = []
    for number, person in enumerate(people):
        name = f"{person.occupation}/{number:05d}.png"
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        ImageEnhance.Brightness(render(person, rng).image).enhance(light).save(place / name)
        color = person.hair_color or "not applicable"
        rows.append((name, person.occupation, person.skin, person.hair_length, color))
    return pd.DataFrame(rows, columns=["id", "label", *ATTRIBUTES]).set_index("id")


def _attributes(folder: Path) -> dict[str, Attribute]:
    import yaml

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "attributes.yaml").write_text(yaml.safe_dump({"attributes": ATTRIBUTES}, sort_keys=False))
    return dict(read_declared(folder / "attributes.yaml").attributes)


def _matrices(folder: Path, attributes: dict[str, Attribute], seed: int, light: float) -> dict[str, Path]:
    """By attribute, what the judge answers on other renders."""
    place, rng = folder / f"matrix-{seed}", Random(f"matrix {seed}")
    truth = _rendered(place, [even(rng) for _ in range(MATRIX)], rng, light)
    judges = ClipJudges("auto", trust=False)
    cached = CachedJudges(judges, folder / "cache")
    subject = AuditedSet(open_set(place), None)
    question = AuditQuestion(attributes, {}, (judges.find(BUNDLED_JUDGE),), cached)
    answered = look_at(subject, read_frame(subject.images), question)
    files = {}
    for name, attribute in attributes.items():
        files[name] = folder / f"{name}-{seed}.csv"
        counted = pd.crosstab(truth[name], answered.frame.set_index("id")[name])
        counted.reindex(columns=[*attribute.values, *ASIDE], fill_value=0).to_csv(files[name])
    return files


def _lines(found: Mapping[str, Sequence[Row]], images: int, repetitions: int) -> Iterator[str]:
    yield from paragraph(
        f"**A real judge.** {_sets(repetitions)} {images:,} renders of the bundled world, skewed as the training of "
        f"the bundled model was, measured by the bundled judge: as rendered, and with {DIM:.0%} of their light. The "
        f"confusion matrix is of {MATRIX} other renders, composed evenly; {LABELS} images of the set are labelled. For "
        "the shares of every value, overall and in each class: the mean and the largest error in points, and how many"
        " 95 % intervals contain the truth."
    )
    head = ["renders", "attribute", *(f"{figure}: {what}" for figure in FIGURES for what in ("error", "truth inside"))]
    body = []
    for light, rows in found.items():
        for name in ATTRIBUTES:
            of = [row for row in rows if row.attribute == name]
            body.append([light, name.replace("_", " "), *_cells(of)])
    yield from table(head, body)


def _sets(repetitions: int) -> str:
    return "One set of" if repetitions == 1 else f"{repetitions} sets of"


def _cells(rows: Sequence[Row]) -> Iterator[str]:
    for figure in FIGURES:
        there = [(row.truth, found) for row in rows if (found := row.found[figure]) is not None]
        errors = [100 * abs(found.value - truth) for truth, found in there]
        inside = sum(found.low <= truth <= found.high for truth, found in there)
        yield f"{sum(errors) / len(errors):.1f}, at most {max(errors):.1f}" if errors else "none"
        yield f"{inside} of {len(there)}"


if __name__ == "__main__":
    typer.run(main)

"""Sets whose truth is known, for `audit_verdicts`: what is in them, what a judge says, what people label."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from synthgen.auditing.confusion import Confusion
from synthgen.auditing.labelled import draw_sample
from synthgen.auditing.measure import AuditOptions
from synthgen.stats.distance import uniform
from synthgen.stats.estimates import Floats, Ints

VALUES = ("light", "medium", "dark")
SKIN = {"skin": VALUES}
ONE, OTHERS = (0.5, 0.17, 0.33), (0.5, 0.47, 0.03)
"""True shares of the first class, and of every other one. So one limit is the truth of all classes, and another that
of the first class alone, while all others are far from it: the hardest cases for failing and for passing wrongly."""
SIZES: Mapping[int, int] = {2: 1000, 20: 300, 100: 150}
"""Images of a class, by the number of classes."""
LABELS: Mapping[int, int] = {2: 100, 20: 40, 100: 30}
"""Labels of a class where there are enough."""
FEW = {2: 15, 20: 8, 100: 8}
"""Labels of a class where there are too few to correct it, but enough for the whole set."""
FIXING = 100
"""Prompts of a class where they fix a value: so many that a share of 3 % is seldom without a prompt."""
MATRIX = 300
"""Images of each value in a confusion matrix."""
_WIDTH, _NOISE, _LIKENESS = 16, 1.0, 0.15


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """One set of images, made at random.

    Attributes:
        truth: what each image shows, as an index of VALUES, int [n].
        sure: how sure the judge is of its answer, [n].
        vectors: embeddings from which the judge reads its answers, [n, d].
        table: what an audit sees: `id`, `label` and the judge's `skin`.
        shares: true shares of the source by class, [classes, values].
    """

    truth: Ints
    sure: Floats
    vectors: Floats
    table: pd.DataFrame
    shares: Floats

    def labels(self, drawn: pd.DataFrame) -> pd.DataFrame:
        """Label the images of `drawn` as they truly are."""
        return drawn.assign(skin=np.array(VALUES)[self.truth[drawn["id"].astype(int)]])

    def as_is(self) -> pd.DataFrame:
        """Return the table with the truth in place of the judge's answers."""
        return self.table.assign(skin=np.array(VALUES)[self.truth])


@dataclass(frozen=True, slots=True)
class Judge:
    """A judge that reads the truth from noisy embeddings.

    Attributes:
        bias: its standard deviation, by which the score of a value differs from class to class: its stereotypes.
        leans: added to the score of each value in every class.
        clear: how far the values are apart for it.
    """

    bias: float = 0.0
    leans: tuple[float, float, float] = (0.0, 0.0, 0.0)
    clear: float = 2.0

    def read(self, truth: Ints, bias: Floats, rng: np.random.Generator) -> tuple[Ints, Floats, Floats]:
        """Return its answers, how sure it is, and the embeddings. `bias` is that of each image, [n, values]."""
        axes = np.eye(len(VALUES), _WIDTH)
        vectors = self.clear * axes[truth] + _NOISE * rng.standard_normal((len(truth), _WIDTH))
        scores = vectors @ axes.T + bias
        ordered = np.sort(scores)
        return scores.argmax(1), ordered[:, -1] - ordered[:, -2], vectors

    def matrix(self, rng: np.random.Generator, images: int = MATRIX) -> Confusion:
        """Measure it on other images, without classes and their stereotypes."""
        truth = np.repeat(np.arange(len(VALUES)), images)
        said, _, _ = self.read(truth, np.broadcast_to(self.leans, (len(truth), len(VALUES))), rng)
        counts = np.zeros((len(VALUES), len(VALUES)), dtype=int)
        np.add.at(counts, (truth, said), 1)
        return Confusion(VALUES, VALUES, tuple(map(tuple, counts.tolist())))


STRAIGHT = Judge(leans=(0.5, 0.0, -0.3))
"""Errs often, but alike in all classes."""
STEREOTYPED = replace(STRAIGHT, bias=0.8)
SLIGHTLY = replace(STRAIGHT, bias=0.3)


def make(
    classes: int, judge: Judge, rng: np.random.Generator, prompts: int = 0, first: tuple[float, float, float] = ONE
) -> World:
    """Make a set with even classes. With `prompts` in each class, images of one prompt are alike."""
    images = SIZES[classes]
    shares = np.array([first, *[OTHERS] * (classes - 1)])
    label = np.repeat(np.arange(classes), images)
    each = shares[label]
    table = pd.DataFrame({"id": [f"{row:06}" for row in range(len(label))]})
    table["label"] = np.array([f"class {index:03}" for index in range(classes)])[label]
    if prompts:
        prompt = rng.integers(prompts, size=len(label))
        spread = (1 - _LIKENESS) / _LIKENESS
        own = np.stack([rng.dirichlet(np.array(row) * spread, prompts) for row in shares])
        each = own[label, prompt]
        table["prompt"] = [f"{kind}, {index}" for kind, index in zip(table["label"], prompt, strict=True)]
    truth = (rng.random(len(label))[:, None] > each.cumsum(1)).sum(1).clip(max=len(VALUES) - 1)
    bias = np.array(judge.leans) + judge.bias * rng.standard_normal((classes, len(VALUES)))
    said, sure, vectors = judge.read(truth, bias[label], rng)
    table["skin"] = np.array(VALUES)[said]
    return World(truth, sure, vectors, table, shares)


Case = tuple[World, AuditOptions]
Kind = Callable[[int, np.random.Generator], Case]
_EVEN = {"skin": uniform(VALUES)}


def _options(world: World, **given: object) -> AuditOptions:
    vectors = world.vectors.astype(np.float32) if "labels" in given else None
    return AuditOptions(references=_EVEN, vectors=vectors, **given)  # type: ignore[arg-type]


def _drawn(world: World, each: int, rng: np.random.Generator) -> pd.DataFrame:
    classes = len(world.shares)
    return world.labels(draw_sample(world.table, each * classes, int(rng.integers(1 << 30))))


def _surest(world: World, each: int) -> pd.DataFrame:
    ordered = world.table.assign(key=-world.sure).sort_values("key").groupby("label").head(each)
    return world.labels(ordered[["id", "label"]])


def _known(classes: int, rng: np.random.Generator) -> Case:
    world = make(classes, STRAIGHT, rng)
    return replace(world, table=world.as_is()), _options(world, known=["skin"])


def _known_rare(classes: int, rng: np.random.Generator) -> Case:
    """A value is rare in all classes: the limit that is its truth is that of all of them."""
    world = make(classes, STRAIGHT, rng, first=OTHERS)
    return replace(world, table=world.as_is()), _options(world, known=["skin"])


def _labels_rare(classes: int, rng: np.random.Generator) -> Case:
    world = make(classes, STEREOTYPED, rng, first=OTHERS)
    return world, _options(world, labels=_drawn(world, LABELS[classes], rng))


def _prompts(classes: int, rng: np.random.Generator) -> Case:
    world = make(classes, STRAIGHT, rng, prompts=30)
    return replace(world, table=world.as_is()), _options(world, known=["skin"])


def _fixed(classes: int, rng: np.random.Generator) -> Case:
    """Some prompts show 'dark' in every image, all others never; these leave the other values to chance."""
    world = make(classes, STRAIGHT, rng)
    label = np.repeat(np.arange(classes), SIZES[classes])
    prompt = rng.integers(FIXING, size=len(label))
    dark = (rng.random((classes, FIXING)) < world.shares[:, 2:])[label, prompt]
    rest = rng.random(len(label)) * world.shares[label, :2].sum(1) > world.shares[label, 0]
    world = replace(world, truth=np.where(dark, 2, rest))
    table = world.as_is().assign(prompt=[f"{kind}, {number}" for kind, number in zip(label, prompt, strict=True)])
    return replace(world, table=table), _options(world, known=["skin"])


def _lost(classes: int, rng: np.random.Generator) -> Case:
    """Values are missing, and more often where they are dark: 30 % of those, 5 % of others."""
    world = make(classes, STRAIGHT, rng)
    lost = rng.random(len(world.truth)) < np.where(world.truth == VALUES.index("dark"), 0.3, 0.05)
    table = world.as_is()
    table.loc[lost, "skin"] = "unknown"
    return replace(world, table=table), _options(world, known=["skin"])


def _abstains(classes: int, rng: np.random.Generator) -> Case:
    """The judge abstains where it is least sure, and people label those images, too."""
    world = make(classes, STEREOTYPED, rng)
    table = world.table.copy()
    table.loc[world.sure < np.quantile(world.sure, 0.2), "skin"] = "unknown"
    world = replace(world, table=table)
    return world, _options(world, labels=_drawn(world, LABELS[classes], rng))


def _random(classes: int, rng: np.random.Generator) -> Case:
    world = make(classes, STEREOTYPED, rng)
    return world, _options(world, labels=_drawn(world, LABELS[classes], rng))


def _few(classes: int, rng: np.random.Generator) -> Case:
    world = make(classes, STEREOTYPED, rng)
    return world, _options(world, labels=_drawn(world, FEW[classes], rng))


def _sure(classes: int, rng: np.random.Generator) -> Case:
    world = make(classes, STEREOTYPED, rng)
    return world, _options(world, labels=_surest(world, LABELS[classes]))


def _few_sure(classes: int, rng: np.random.Generator) -> Case:
    world = make(classes, STEREOTYPED, rng)
    return world, _options(world, labels=_surest(world, 20))


def _sorted(classes: int, rng: np.random.Generator) -> Case:
    """A sheet is sorted by file names that follow the truth, and filled in to 40 %."""
    world = make(classes, STEREOTYPED, rng)
    sheet = _drawn(world, min(SIZES[classes], LABELS[classes] * 5 // 2), rng)
    place = world.truth[sheet["id"].astype(int)] + 0.7 * rng.standard_normal(len(sheet))
    sheet = sheet.iloc[np.argsort(place, kind="stable")].reset_index(drop=True)
    sheet.loc[int(0.4 * len(sheet)) :, "skin"] = None
    return world, _options(world, labels=sheet)


def _matrix(judge: Judge) -> Kind:
    def kind(classes: int, rng: np.random.Generator) -> Case:
        world = make(classes, judge, rng)
        return world, _options(world, confusions={"skin": STRAIGHT.matrix(rng)})

    return kind


def _matrix_and_labels(judge: Judge) -> Kind:
    def kind(classes: int, rng: np.random.Generator) -> Case:
        world = make(classes, judge, rng)
        labels = _drawn(world, FEW[classes], rng)
        return world, _options(world, confusions={"skin": STRAIGHT.matrix(rng)}, labels=labels)

    return kind


def _unchecked(trust_judge: bool) -> Kind:
    def kind(classes: int, rng: np.random.Generator) -> Case:
        world = make(classes, STEREOTYPED, rng)
        return world, _options(world, trust_judge=trust_judge)

    return kind


KINDS: Mapping[str, Kind] = {
    "known": _known,
    "known, rare in all classes": _known_rare,
    "known, prompts alike": _prompts,
    "known, prompts fix a value": _fixed,
    "known, values lost": _lost,
    "labels": _random,
    "labels, rare in all classes": _labels_rare,
    "labels, judge abstains": _abstains,
    "few labels": _few,
    "labels, the surest": _sure,
    "20 labels, the surest": _few_sure,
    "labels, sorted sheet": _sorted,
    "right matrix": _matrix(STRAIGHT),
    "right matrix, few labels": _matrix_and_labels(STRAIGHT),
    "wrong matrix": _matrix(STEREOTYPED),
    "wrong matrix, few labels": _matrix_and_labels(STEREOTYPED),
    "slightly wrong matrix, few labels": _matrix_and_labels(SLIGHTLY),
    "unchecked": _unchecked(trust_judge=False),
    "unchecked, but trusted": _unchecked(trust_judge=True),
}

"""One attribute in every scope: overall, and in each class."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from synthgen.auditing.confusion import Confusion
from synthgen.auditing.confusion_classes import correct_in_classes
from synthgen.auditing.findings import Figure, Power, Quote, Scope, Share, place_of
from synthgen.auditing.judge_errors import widened
from synthgen.auditing.judge_errors_by_class import JudgeErrors, errors_in_places
from synthgen.auditing.labelled import Truth, correct_by_labels
from synthgen.auditing.labellers import with_labeller
from synthgen.auditing.quote import quote
from synthgen.auditing.table import Answers, Table
from synthgen.stats.clusters import Bootstrap, design_effect
from synthgen.stats.distance import Distance, Measure, Reference, Target, distances
from synthgen.stats.estimates import (
    Corrected,
    Ints,
    half_width,
    images_needed,
    point,
    wilson,
    wilson_with_effect,
    worth,
)

PRECISION = 0.05
"""The half width of an interval that `Power.images_needed` aims at."""


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What is known about one attribute besides its answers.

    Attributes:
        doubt: why the labels cannot be a random sample, if so: they are not used.
        measures: the measures of distance to compute.
        labeller: how often the labeller may be wrong: see `Labellers.error`; None if it is not known.
        whole: whether the set itself is asked about, and not the source that it is a sample of.
    """

    known: bool = False
    reference: Reference | None = None
    confusion: Confusion | None = None
    truth: Truth | None = None
    doubt: str | None = None
    whole: bool = False
    measures: Collection[Measure] = tuple(Measure)
    labeller: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Effect:
    """The effect of shared prompts on the precision in a scope.

    Attributes:
        prompts: their number; None if none are known.
        size: the design effect; None if it could not be estimated.
        freedom: the degrees of freedom of that estimate.
    """

    prompts: int | None
    size: float | None = None
    freedom: int = 0

    @property
    def at_least(self) -> float:
        return max(1.0, self.size or 1.0)


def measure_scopes(
    table: Table, name: str, evidence: Evidence, effects: Sequence[Effect], seed: int
) -> Iterator[Scope]:
    """Measure an attribute overall and in each class. `effects` are those of `find_effects` for this attribute."""
    answers, by_class = table.attributes[name], table.counts(name)
    counts = np.concatenate([by_class.sum(0, keepdims=True), by_class])
    matrices: list[Corrected | None] = [None] * len(counts)
    rng = np.random.default_rng([seed, *b"errors", *name.encode()])
    errors = errors_in_places(
        answers, table.classes, by_class.sum(1), evidence.confusion, evidence.truth, evidence.doubt, rng
    )
    if evidence.confusion is not None:
        sizes = np.array([effect.at_least for effect in effects])
        matrices = list(
            correct_in_classes(name, answers.values, table.classes, counts.astype(float), evidence.confusion, sizes)
        )
    for index, class_name in enumerate((None, *table.classes)):
        labels = None
        if evidence.truth is not None:
            chosen = range(len(table.classes)) if class_name is None else [index - 1]
            inflation = 0.0 if evidence.whole else effects[index].at_least - 1
            labels = correct_by_labels(by_class.astype(float), evidence.truth, chosen, inflation, evidence.whole)
            labels = with_labeller(labels, evidence.labeller)
            labels = replace(labels, doubts=(evidence.doubt,) if evidence.doubt else ())
        rng = np.random.default_rng([seed, index, *name.encode()])
        known = errors[index]
        yield _scope(class_name, answers, counts[index], evidence, known, effects[index], matrices[index], labels, rng)


def find_effects(table: Table, drawn: Iterable[Bootstrap | None]) -> dict[str, list[Effect]]:
    """Find the effects of prompts in every scope, by attribute.

    `drawn` yields the overall bootstrap and then that of each class, one at a time: those of a thousand classes
    together would take gigabytes.
    """
    if table.cluster is None:
        return {name: [Effect(None)] * (1 + len(table.classes)) for name in table.attributes}
    counts = {name: table.cluster_counts(name) for name in table.attributes}
    ends = np.searchsorted(table.cluster_label, np.arange(len(table.classes) + 1))
    rows = [slice(None), *(slice(*ends[index : index + 2]) for index in range(len(table.classes)))]
    found: dict[str, list[Effect]] = {name: [] for name in counts}
    for bootstrap, own in zip(drawn, rows, strict=True):
        for name, of in counts.items():
            size = design_effect(of[own], bootstrap) if bootstrap else None
            found[name].append(Effect(len(of[own]), size, bootstrap.freedom if bootstrap else 0))
    return found


def _scope(
    class_name: str | None,
    answers: Answers,
    counts: Ints,
    evidence: Evidence,
    errors: JudgeErrors,
    effect: Effect,
    matrix: Corrected | None,
    labels: Corrected | None,
    rng: np.random.Generator,
) -> Scope:
    values = len(answers.values)
    images, valued = int(counts.sum()), int(counts[:values].sum())
    not_applicable, unknown = (int(count) for count in counts[values:])
    unknown_share = wilson(unknown, images)

    rate = None if evidence.known else errors.rate
    shares = _shares(answers, counts, effect, matrix, labels, rate)
    if evidence.whole:
        shares = tuple(replace(share, raw=share.raw and point(share.raw.value)) for share in shares)
    quoted = quote(
        valued,
        evidence.known,
        effect.size is not None,
        matrix,
        labels,
        place_of(class_name),
        images,
        errors.matrix_unchecked,
        errors.rate is not None,
        errors.by_class,
    )

    wanted = evidence.reference.of(class_name) if evidence.reference else None
    no_distance = _no_distance(evidence.reference, wanted is not None, quoted)
    far: dict[Figure, tuple[Distance, ...]] = {}
    if wanted is not None and no_distance is None:
        far = dict(_distances(answers, wanted, shares, valued, effect, quoted, rng, evidence.measures))
        if evidence.whole and wanted.images is None and Figure.RAW in far:
            far[Figure.RAW] = tuple(replace(each, found=point(each.found.value)) for each in far[Figure.RAW])

    return Scope(
        class_name=class_name,
        images=images,
        valued=valued,
        unknown=unknown,
        not_applicable=not_applicable,
        unknown_share=unknown_share and point(unknown_share.value) if evidence.whole else unknown_share,
        prompts=effect.prompts,
        design_effect=effect.size,
        freedom=effect.freedom if effect.size is not None else None,
        labelled=labels.labelled if labels else 0,
        shares=shares,
        missing=_missing(valued, effect, matrix, labels, rate),
        quote=quoted,
        reference=dict(wanted.shares) if wanted else None,
        distances=far.get(quoted.figure, ()) if quoted.figure else (),
        raw_distances=next((found for figure, found in far.items() if figure is not quoted.figure), ()),
        no_distance=no_distance,
        power=_power(valued, images, effect),
        caveats=tuple(_caveats(effect, matrix, labels, images, valued)),
    )


def _distances(
    answers: Answers,
    wanted: Target,
    shares: Sequence[Share],
    valued: int,
    effect: Effect,
    quoted: Quote,
    rng: np.random.Generator,
    measures: Collection[Measure],
) -> Iterator[tuple[Figure, tuple[Distance, ...]]]:
    """Measure the distances of the quoted figure, and of the raw answers."""
    target = wanted.checked(answers.name, answers.values)
    plain = Figure.CLUSTERED if effect.size is not None else Figure.RAW
    for figure in Figure:
        own = [share for each in shares if (share := each.of(figure)) is not None]
        if figure in (quoted.figure, plain) and own:
            size = valued / effect.at_least if figure is plain else worth(own)
            yield (
                figure,
                distances(np.array([share.value for share in own]), size, target, wanted.images, rng, measures),
            )


def _shares(
    answers: Answers,
    counts: Ints,
    effect: Effect,
    matrix: Corrected | None,
    labels: Corrected | None,
    rate: float | None,
) -> tuple[Share, ...]:
    values, found = len(answers.values), []
    valued, unknown = int(counts[:values].sum()), int(counts[-1])
    for index, value in enumerate(answers.values):
        count = int(counts[index])
        alike = wilson_with_effect(count, valued, effect.size, effect.freedom) if effect.size is not None else None
        least, most = ((count + more) / (valued + unknown) if valued + unknown else None for more in (0, unknown))
        by_matrix, by_labels = (each.shares[index] if each and each.shares else None for each in (matrix, labels))
        raw = wilson(count, valued)
        wide = widened(alike or raw, rate)
        found.append(Share(value, count, least, most, raw, alike, by_matrix, by_labels, wide))
    return tuple(found)


def _missing(
    valued: int, effect: Effect, matrix: Corrected | None, labels: Corrected | None, rate: float | None
) -> dict[str, str]:
    missing = {}
    if not valued:
        missing[Figure.RAW.value] = "no image has a value"
    if rate is None or not valued:
        missing[Figure.WIDENED.value] = "nothing shows how often the judge errs" if valued else "no image has a value"
    if effect.size is None:
        missing[Figure.CLUSTERED.value] = _no_effect(effect, valued)
    for figure, given, absent in (
        (Figure.MATRIX, matrix, "no confusion matrix was given"),
        (Figure.LABELS, labels, "no labels were given"),
    ):
        if given is None:
            missing[figure.value] = absent
        elif given.shares is None:
            missing[figure.value] = given.reason or ""
    return missing


def _no_effect(effect: Effect, valued: int) -> str:
    if effect.prompts is None:
        return "no prompts are known, or every image has its own"
    if not valued:
        return "no image has a value"
    few = f"{effect.prompts} prompts, or those of one class, are too few to tell how alike their images are"
    return f"{few}, or all images are alike"


def _no_distance(reference: Reference | None, wanted: bool, quoted: Quote) -> str | None:
    if reference is None:
        return "no reference was declared, so there is no verdict"
    if not wanted:
        return f"{reference.source} has no images of this class that have a value"
    return None if quoted.figure is not None else "no image has a value"


def _power(valued: int, images: int, effect: Effect) -> Power:
    """Compute the power at the abstention and design effect seen here; without images, both count as none."""
    answered = valued / images if valued else 1.0
    return Power(half_width(valued / effect.at_least), images_needed(PRECISION, effect.at_least, answered))


def _caveats(effect: Effect, matrix: Corrected | None, labels: Corrected | None, images: int, valued: int) -> list[str]:
    found = [caveat for each in (matrix, labels) if each for caveat in (*each.caveats, *each.doubts)]
    if labels is not None and labels.shares is None and labels.labelled:
        found.append(f"not corrected by labels: {labels.reason}")
    if effect.prompts is not None and effect.size is None and valued:
        found.append(f"{_no_effect(effect, valued)}: the intervals take images of one prompt as independent")
    if images and valued < images / 2:
        found.append(f"only {valued} of {images} images have a value: the shares are of those alone")
    return found

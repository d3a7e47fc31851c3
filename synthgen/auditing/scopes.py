"""One attribute in every scope: overall, and in each class."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from synthgen.auditing.confusion import Confusion
from synthgen.auditing.confusion_classes import correct_in_classes
from synthgen.auditing.effect import Effect
from synthgen.auditing.findings import Figure, Quote, Scope, Share, place_of
from synthgen.auditing.judge_errors import widened
from synthgen.auditing.judge_errors_by_class import JudgeErrors, errors_in_places
from synthgen.auditing.labelled import Truth, correct_by_labels
from synthgen.auditing.labellers import with_labeller
from synthgen.auditing.matrix_and_labels import matrix_unchecked_in, with_few_labels
from synthgen.auditing.opinion import Opinion, agreed_distances, agreed_shares, without_agreement
from synthgen.auditing.quote import quote
from synthgen.auditing.rare_values import with_all_classes
from synthgen.auditing.scope_notes import caveats_on, missing_figures, power_of, why_no_distance
from synthgen.auditing.table import Answers, Table
from synthgen.spec import ASIDE
from synthgen.stats.clusters import Bootstrap, Linear, design_effects
from synthgen.stats.distance import Distance, Measure, Reference, Target, distances
from synthgen.stats.estimates import (
    Corrected,
    Estimate,
    Floats,
    Ints,
    least_worth,
    point,
    wilson,
)


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What is known about one attribute besides its answers.

    Attributes:
        doubt: why the labels cannot be a random sample, if so: they are not used.
        measures: the measures of distance to compute.
        labeller: how often the labeller may be wrong: see `Labellers.error`; None if it is not known.
        whole: whether the set itself is asked about, and not the source that it is a sample of.
        opinion: what other judges say of the answers.
    """

    known: bool = False
    reference: Reference | None = None
    confusion: Confusion | None = None
    truth: Truth | None = None
    doubt: str | None = None
    whole: bool = False
    measures: Collection[Measure] = tuple(Measure)
    labeller: float | None = None
    opinion: Opinion | None = None


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
        valued = counts[:, : len(answers.values)]
        shares = valued / np.maximum(valued.sum(1, keepdims=True), 1)
        sizes = np.array([effect.largest(own) for effect, own in zip(effects, shares, strict=True)])
        matrices = list(
            correct_in_classes(name, answers.values, table.classes, counts.astype(float), evidence.confusion, sizes)
        )
    by_labels = _by_labels(by_class, evidence, effects)
    for index, (class_name, labels) in enumerate(zip((None, *table.classes), by_labels, strict=True)):
        rng = np.random.default_rng([seed, index, *name.encode()])
        matrix, known = with_few_labels(matrices[index], labels, int(counts[index].sum())), errors[index]
        yield _scope(class_name, answers, counts[index], evidence, known, effects[index], matrix, labels, rng)


def _by_labels(by_class: Ints, evidence: Evidence, effects: Sequence[Effect]) -> list[Corrected | None]:
    """Correct the shares by labels overall, then in each class."""
    places = [range(len(by_class)), *([index] for index in range(len(by_class)))]
    if evidence.truth is None:
        return [None] * len(places)
    inflation = [_inflation(effect, by_class.shape[1] - len(ASIDE), evidence.whole) for effect in effects]
    found = correct_by_labels(by_class.astype(float), evidence.truth, places, inflation, evidence.whole)
    doubts = (evidence.doubt,) if evidence.doubt else ()
    return [replace(with_labeller(each, evidence.labeller), doubts=doubts) for each in found]


def _inflation(effect: Effect, values: int, whole: bool) -> Floats:
    """Return the design effect of each value, less 1: [values]."""
    return np.array([0.0 if whole else max(1.0, effect.of(value) or 1.0) - 1 for value in range(values)])


def find_effects(table: Table, drawn: Iterable[Bootstrap | Linear | None]) -> dict[str, list[Effect]]:
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
            size, each = (bootstrap and design_effects(of[own], bootstrap)) or (None, ())
            freedom, many = bootstrap.freedom if bootstrap else 0, of[own].shape[0]
            found[name].append(Effect(many, size, freedom, many, by_value=tuple(map(float, each))))
    return {name: with_all_classes(of, counts[name], rows) for name, of in found.items()}


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
    images, valued, not_applicable, unknown = _sizes(counts, values)
    unknown_share = _counted(unknown, images, evidence.whole, effect.of_unknown)
    rate = None if evidence.known else errors.rate
    shares = _shares(answers, counts, effect, matrix, labels, rate)
    if evidence.whole:
        shares = tuple(replace(share, raw=share.raw and point(share.raw.value)) for share in shares)
    opinion = None if evidence.known else evidence.opinion
    differ = opinion.rate(class_name, valued, effect.at_least, evidence.whole) if opinion else None
    shares = agreed_shares(shares, differ)
    quoted = quote(
        valued,
        evidence.known,
        effect.size is not None and (effect.shared or "images of one prompt"),
        matrix,
        labels,
        place_of(class_name),
        images,
        matrix_unchecked_in(errors.matrix_unchecked, labels, place_of(class_name)),
        errors.rate is not None,
        opinion if evidence.truth is None and evidence.confusion is None else None,
        errors.by_class,
    )

    wanted = evidence.reference.of(class_name) if evidence.reference else None
    no_distance = why_no_distance(evidence.reference, wanted is not None, quoted)
    far: dict[Figure, tuple[Distance, ...]] = {}
    if wanted is not None and no_distance is None:
        far = dict(_distances(answers, wanted, shares, valued, effect, quoted, rng, evidence.measures))
        if evidence.whole and wanted.images is None and Figure.RAW in far:
            far[Figure.RAW] = tuple(replace(each, found=point(each.found.value)) for each in far[Figure.RAW])

    plain = Figure.CLUSTERED if effect.size is not None else Figure.RAW
    if quoted.figure is Figure.AGREED and plain in far and differ is not None:
        far[Figure.AGREED] = agreed_distances(far[plain], differ)

    return Scope(
        class_name=class_name,
        images=images,
        valued=valued,
        unknown=unknown,
        not_applicable=not_applicable,
        unknown_share=unknown_share,
        prompts=effect.prompts,
        clusters=effect.clusters,
        design_effect=effect.size,
        freedom=effect.freedom if effect.size is not None else None,
        effect_is=_kind_of(effect),
        labelled=labels.labelled if labels else 0,
        shares=shares,
        missing=missing_figures(valued, effect, matrix, labels, rate) | without_agreement(differ),
        quote=quoted,
        reference=dict(wanted.shares) if wanted else None,
        distances=far.get(quoted.figure, ()) if quoted.figure else (),
        raw_distances=next((found for figure, found in far.items() if figure is not quoted.figure), ()),
        no_distance=no_distance,
        power=power_of(valued, images, effect),
        caveats=tuple(caveats_on(effect, matrix, labels, images, valued, answers.values if class_name is None else ())),
        differ=differ,
    )


def _sizes(counts: Ints, values: int) -> tuple[int, int, int, int]:
    return int(counts.sum()), int(counts[:values].sum()), int(counts[values]), int(counts[values + 1])


def _kind_of(effect: Effect) -> str | None:
    if effect.size is None:
        return None
    return "bound" if effect.bound else "known" if effect.freedom is None else "estimate"


def _counted(count: int, of: int, whole: bool, effect: float) -> Estimate | None:
    found = wilson(count / effect, of / effect)
    return point(found.value) if found is not None and whole else found


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
            found = np.array([share.value for share in own])
            size = valued / effect.largest(found, target) if figure is plain else least_worth(own)
            yield figure, distances(found, size, target, wanted.images, rng, measures)


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
        costs = effect.of(index)
        alike = effect.interval(count, valued, costs) if costs is not None and valued else None
        least, most = ((count + more) / (valued + unknown) if valued + unknown else None for more in (0, unknown))
        by_matrix, by_labels = (each.shares[index] if each and each.shares else None for each in (matrix, labels))
        raw = wilson(count, valued)
        wide = widened(alike or raw, rate)
        found.append(Share(value, count, least, most, raw, alike, by_matrix, by_labels, wide, design_effect=costs))
    return tuple(found)

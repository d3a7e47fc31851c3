"""The whole audit of a table: every estimate, composed."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synthgen.auditing.agreement import Agreement, agree
from synthgen.auditing.basis import rests_on
from synthgen.auditing.checking import labels_needed, unused_trust
from synthgen.auditing.confusion import Confusion
from synthgen.auditing.confusion_classes import check_classes
from synthgen.auditing.crossings import MIN_CELL, cross
from synthgen.auditing.effect import Effect
from synthgen.auditing.effects import NearGroups, find_dependent, independent
from synthgen.auditing.families import with_families
from synthgen.auditing.filters import Pipeline, read_pipeline
from synthgen.auditing.findings import AttributeFindings, Findings
from synthgen.auditing.gate_checks import apply_gates, measures_of, read_gates
from synthgen.auditing.gates import Gate
from synthgen.auditing.groups.find import GroupQuestion, find_groups
from synthgen.auditing.groups.joint import join, joint_labels, joint_names, joint_reference, not_joined, parts_of
from synthgen.auditing.groups.references import check_reference_groups
from synthgen.auditing.label_sheet import doubt_of_sheet
from synthgen.auditing.labelled import read_truth
from synthgen.auditing.labellers import Labellers, compare_labellers, error_together
from synthgen.auditing.opinion import Opinion
from synthgen.auditing.percentages import may_be_percentages
from synthgen.auditing.real_set import real_references
from synthgen.auditing.relations import find_amplifications, find_association, stream
from synthgen.auditing.scopes import Evidence, measure_scopes
from synthgen.auditing.simultaneous import with_simultaneous
from synthgen.auditing.table import Table, read_table
from synthgen.errors import UsageError
from synthgen.events import OnProgress, StepProgress, ignore
from synthgen.sets import PREDICTED
from synthgen.spec import GateSpec as SpecGate
from synthgen.stats.clusters import Bootstrap
from synthgen.stats.distance import Reference
from synthgen.stats.estimates import ALPHA, point


@dataclass(frozen=True, slots=True, eq=False)
class AuditOptions:
    """What an audit may use besides the table of images.

    Attributes:
        classes: those declared; by default, those that occur.
        known: attributes that are true as the table has them, and that no judge measured.
        references: by attribute; the default is the shares of the real set, if there is one.
        confusions: by attribute.
        labels: see `read_truth`; an attribute without a column in it is not corrected by it.
        second_labels: those of a second person, of some of the same images: see `compare_labellers`.
        ledger: see `read_pipeline`.
        ledger_groups: further columns of the ledger to count losses by.
        real: a table like the audited one, of a real set.
        second: `id` and the attributes, as another judge answered.
        crossings: groups of attributes, or 'class', to cross.
        joints: joint attributes to measure, such as 'gender x skin_tone', besides those of gates.
        reference_groups: by attribute, or 'class', the group that others are compared with; by default the largest.
        trust_judge: let gates use the judge's raw answers where nothing checks them.
        about_set: whether the set itself is asked about, and not the source that it is a sample of.
        vectors: embeddings of the images, float32 [n, d], in the order of the table: they help to tell whether the
            labelled images are a random sample.
        near: which images are near-duplicates.
        opinions: by attribute, what other judges say of its answers.
    """

    classes: Sequence[str] | None = None
    known: Collection[str] = ()
    references: Mapping[str, Reference] = field(default_factory=dict)
    confusions: Mapping[str, Confusion] = field(default_factory=dict)
    labels: pd.DataFrame | None = None
    ledger: pd.DataFrame | None = None
    ledger_groups: Sequence[str] = ()
    real: pd.DataFrame | None = None
    second: pd.DataFrame | None = None
    second_labels: pd.DataFrame | None = None
    crossings: Sequence[Sequence[str]] = ()
    joints: Sequence[str] = ()
    reference_groups: Mapping[str, str] = field(default_factory=dict)
    min_cell: int = MIN_CELL
    gates: Sequence[Gate | SpecGate | str] = ()
    trust_judge: bool = False
    about_set: bool = False
    vectors: NDArray[np.float32] | None = None
    near: NearGroups | None = None
    opinions: Mapping[str, Opinion] = field(default_factory=dict)


def measure(
    frame: pd.DataFrame,
    attributes: Mapping[str, Sequence[str]],
    given: AuditOptions | None = None,
    seed: int = 0,
    on_progress: OnProgress = ignore,
) -> Findings:
    """Audit a table with one row for each image.

    Its columns are `label`, one for each of `attributes`, and optionally `id`, `prompt`, `seed`,
    and `source_id` or `source_image`. Answers are strings: the
    attribute's values, 'unknown' if the judge abstained, 'not applicable'. A column 'predicted class' has the
    predictions of a downstream model. `on_progress` hears how many classes are done, since thousands of them take
    minutes.

    Raises:
        UsageError: the table, or something in `given`, is invalid.
    """
    given = given or AuditOptions()
    _check_names(given, attributes)
    table = read_table(frame, attributes, given.classes)
    check_classes(given.confusions, table.classes)
    real = read_table(given.real, attributes, table.classes) if given.real is not None else None
    check_reference_groups(given.reference_groups, attributes, table.classes)

    referenced = list(attributes) if real is not None else list(given.references)
    gates = read_gates(given.gates, attributes, referenced, PREDICTED in frame.columns)
    gated = (*(gate.attribute for gate in gates), *given.references)
    plain, joints = table, joint_names(given.joints, gated, attributes, len(table.classes))
    table = join(plain, joints)
    of_joint = _joint_options(given, table, joints)

    source = find_dependent(table, frame, given.near, seed)
    dependent = independent(table) if given.about_set else source
    table, drawn, effects = dependent.table, dependent.drawn, dependent.effects
    plain = dependent.clustered(plain)
    labellers = tuple(_labellers(given, attributes))
    errors = {each.attribute: each.error for each in labellers}
    real = join(real, joints) if real is not None else None
    of_real = real_references(real, given.real, seed) if real is not None and given.real is not None else {}
    found = [
        _attribute(table, name, given, of_real, drawn, effects[name], gates, seed, on_progress, errors.get(name))
        for name in attributes
    ]
    found = with_simultaneous(with_families(found))
    joint = [
        _attribute(table, name, of_joint, of_real, drawn, effects[name], gates, seed, on_progress, together)
        for name in joints
        for together in [error_together(parts_of(name, attributes) or (), errors, given.known)]
    ]
    joint = with_simultaneous(with_families(joint))
    known = {*given.known, *of_joint.known}
    question = GroupQuestion(given.reference_groups, known, given.references, joints, given.about_set, source.costs)
    groups, of_groups = find_groups(table, source.clustered(plain), frame, [*found, *joint], question)
    decided = apply_gates(gates, [*found, *joint], given.trust_judge, seed, of_groups)
    caveats = (*_caveats(table, real, given), *dependent.caveats, *groups.caveats)
    return Findings(
        images=len(table),
        classes=dict(zip(table.classes, np.bincount(table.label, minlength=len(table.classes)).tolist(), strict=True)),
        undeclared=table.undeclared,
        confidence=1 - ALPHA,
        seed=seed,
        attributes=tuple(found),
        crossings=tuple(cross(plain, names, given.min_cell) for names in given.crossings),
        pipeline=_pipeline(given, attributes, seed),
        amplification=tuple(find_amplifications(plain, real, drawn, seed)) if real is not None else (),
        agreement=tuple(_agreement(plain, given.second)) if given.second is not None else (),
        gates=decided,
        caveats=(*caveats, *not_joined(given.joints, joints), *unused_trust(given.trust_judge, found, decided)),
        trust_judge=given.trust_judge,
        about="set" if given.about_set else "source",
        labels_needed=labels_needed(frame, found, gates, decided),
        dependence=dependent.dependence,
        joint=tuple(joint),
        groups=groups,
        rests_on=rests_on(gates, decided, [*found, *joint]),
        labellers=labellers,
    )


def _joint_options(given: AuditOptions, table: Table, joints: Sequence[str]) -> AuditOptions:
    """Return what is given for joint attributes: no confusion matrix, since errors on parts need not be independent."""
    parts = {name: parts_of(name, table.attributes.keys() - set(joints)) or () for name in joints}
    known = [name for name in joints if all(part in given.known for part in parts[name])]
    references = {name: found for name in joints if (found := joint_reference(name, table, given.references))}
    labels = joint_labels(given.labels, table, joints, given.known) if given.labels is not None else None
    return replace(given, known=known, references=references, labels=labels, confusions={})


def _labellers(given: AuditOptions, attributes: Mapping[str, Sequence[str]]) -> Iterator[Labellers]:
    if given.labels is not None and given.second_labels is not None:
        yield from compare_labellers(given.labels, given.second_labels, attributes)


def _check_names(given: AuditOptions, attributes: Mapping[str, Sequence[str]]) -> None:
    for what, names in (("known", given.known), ("references", given.references), ("confusions", given.confusions)):
        if strange := [name for name in names if name not in attributes and parts_of(name, attributes) is None]:
            raise UsageError(
                f"{what}: there is no attribute {strange[0]!r}", hint=f"The attributes are: {', '.join(attributes)}."
            )


def _attribute(
    table: Table,
    name: str,
    given: AuditOptions,
    real: Mapping[str, Reference],
    drawn: Bootstrap | None,
    effects: Sequence[Effect],
    gates: Sequence[Gate],
    seed: int,
    on_progress: OnProgress,
    labeller: float | None,
) -> AttributeFindings:
    reference = given.references.get(name) or real.get(name)
    truth = doubt = None
    if given.labels is not None and name in given.labels.columns:
        truth = read_truth(table, given.labels, table.attributes[name])
        doubt = doubt_of_sheet(table, name, given.labels, given.vectors, seed)
    known = name in given.known
    matrix, gated = given.confusions.get(name), measures_of(gates, name, len(table.classes))
    opinion = given.opinions.get(name)
    evidence = Evidence(known, reference, matrix, truth, doubt, given.about_set, gated, labeller, opinion)
    scopes = []
    for scope in measure_scopes(table, name, evidence, effects, seed):
        scopes.append(scope)
        on_progress(StepProgress(f"measuring {name}", "classes", len(scopes) - 1, len(table.classes)))
    values, source = table.attributes[name].values, reference.source if reference else None
    association = find_association(table, name, scopes, drawn, seed)
    if given.about_set and association.v is not None:
        association = replace(association, v=point(association.v.value))
    return AttributeFindings(name, values, known, source, tuple(scopes), association)


def _pipeline(given: AuditOptions, attributes: Mapping[str, Sequence[str]], seed: int) -> Pipeline | None:
    if given.ledger is None:
        return None
    return read_pipeline(given.ledger, attributes, stream(seed, "ledger"), given.ledger_groups)


def _agreement(table: Table, second: pd.DataFrame) -> Iterator[Agreement]:
    there = [name for name in table.attributes if name in second.columns]
    if not there:
        raise UsageError(
            "the second judge's table has none of the attributes", hint=f"They are {', '.join(table.attributes)}."
        )
    for name in there:
        yield agree(table, second, name)


def _caveats(table: Table, real: Table | None, given: AuditOptions) -> Iterator[str]:
    if not len(table):
        yield "there are no images: nothing was measured"
    if table.undeclared:
        yield f"classes that were not declared: {', '.join(table.undeclared)}"
    counts = np.bincount(table.label, minlength=len(table.classes))
    if empty := [name for name, count in zip(table.classes, counts, strict=True) if not count]:
        yield f"classes without an image: {', '.join(empty)}"
    if real is not None and (strange := sorted(set(real.classes) - set(table.classes))):
        yield f"classes that the real set has and this one lacks: {', '.join(strange)}"
    yield from may_be_percentages(given.confusions)
    if given.labels is not None and "weight" not in given.labels.columns:
        yield "the labels have no column 'weight': all images of a class are assumed equally likely to be drawn"

"""What is declared about a set: its classes, what to measure, the target shares, and the gates of the audit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from synthgen.auditing.input.audited_set import RecordedRun
from synthgen.auditing.input.judge_names import ASKED_FORMS, is_asked, refuse_reader
from synthgen.auditing.input.judges import JudgeId, Judges
from synthgen.auditing.input.observations import judge_of
from synthgen.errors import UsageError
from synthgen.spec import DEFAULT_JUDGE, Attribute, Balance, GateSpec, JudgeSpec, Spec, read_declared, read_spec

if TYPE_CHECKING:
    from synthgen.stats.distance import Reference


@dataclass(frozen=True, slots=True)
class Declaration:
    """What a spec, a file of attributes or a run declares about a set.

    Attributes:
        classes: None if none are declared.
        judge: the name of the judge to ask if the user names none.
        judge_by_run: whether the run names this judge.
        definitions: of classes that have one.
    """

    classes: tuple[str, ...] | None
    attributes: Mapping[str, Attribute]
    balance: tuple[Balance, ...]
    gates: tuple[GateSpec, ...]
    judge: str
    judge_by_run: bool = False
    definitions: Mapping[str, str] = field(default_factory=dict)


def declare(run: RecordedRun | None, spec: Spec | Path | None, attributes: Path | None) -> Declaration:
    """Read the declaration from `spec`, from the file `attributes`, or else from the run's own spec.

    Raises:
        SpecError: a file is invalid.
        UsageError: both are given.
    """
    if spec is not None and attributes is not None:
        raise UsageError("`spec` and `attributes` exclude each other", hint="A spec has attributes of its own.")

    if attributes is not None:
        found = read_declared(attributes)
        judge = run.planned.spec.judge.id if run else DEFAULT_JUDGE
        return Declaration(None, found.attributes, found.balance, found.gates, judge, run is not None)

    if spec is None and run is None:
        return Declaration(None, {}, (), (), DEFAULT_JUDGE)

    by_run = spec is None
    if spec is None:
        assert run is not None
        spec = run.planned.spec
    whole = spec if isinstance(spec, Spec) else read_spec(spec)
    definitions = {name: kind.definition for name, kind in whole.classes.items() if kind.definition}
    return Declaration(
        tuple(whole.classes), whole.attributes, whole.wanted, whole.gates, whole.judge.id, by_run, definitions
    )


def find_judges(
    names: Sequence[str], run: RecordedRun | None, declared: Declaration, needed: bool, judges: Judges
) -> tuple[JudgeId, ...]:
    """Find the judges to ask: those named, or else the declared one if a judge is needed.

    Raises:
        UsageError: a name is not valid, or is given twice.
        ModelError: a judge does not exist, or neither hub nor cache can resolve its revision.
    """
    if len(set(names)) < len(names):
        what = f"expected different judges, found {', '.join(names)}"
        raise UsageError(what, argument="judges")
    if not names and declared.judge_by_run and run is not None:
        return (judge_of(run),) * needed
    return tuple(_judge(name, run, judges) for name in (names or [declared.judge] * needed))


def _judge(name: str, run: RecordedRun | None, judges: Judges) -> JudgeId:
    if run is not None and name == run.planned.spec.judge.id:
        return judges.find_again(judge_of(run))
    refuse_reader(name)
    if is_asked(name):
        return judges.find(name)
    try:
        JudgeSpec(id=name)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]["msg"]
        raise UsageError(f"{name}: expected {problem}, {ASKED_FORMS}", argument="judges") from error
    return judges.find(name)


def references(
    declared: Declaration, targets: Mapping[str, str | Mapping[str, float]], values: Mapping[str, Sequence[str]]
) -> dict[str, Reference]:
    """Return the reference of each attribute, from `targets` or else from `balance`.

    Raises:
        UsageError: a target is not valid, or is for an attribute that is not measured.
    """
    from synthgen.auditing.reference import read_target

    if strange := [name for name in targets if name not in values]:
        hint = f"The attributes are: {', '.join(values)}."
        raise UsageError(f"there is no attribute {strange[0]!r}", argument="targets", hint=hint)

    found = {entry.attribute: _of_balance(entry, values) for entry in declared.balance if entry.attribute in values}
    return found | {name: read_target(name, target, values[name]) for name, target in targets.items()}


def _of_balance(entry: Balance, values: Mapping[str, Sequence[str]]) -> Reference:
    from synthgen.ledger import columns
    from synthgen.sets.shares import read_shares
    from synthgen.stats.distance import Reference, Target, uniform

    if entry.target == "uniform":
        return uniform(values[entry.attribute])
    if isinstance(file := entry.target.get("from"), str):
        shares = read_shares(Path(file), entry.attribute, values[entry.attribute], columns.attribute(entry.attribute))
        return Reference(f"the shares in {file}", Target(shares))
    return Reference("declared shares", Target({str(value): float(share) for value, share in entry.target.items()}))

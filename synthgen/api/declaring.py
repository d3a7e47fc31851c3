"""What is declared about a set: its classes, what to measure, the target shares, and the gates of the audit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from synthgen.api import wiring
from synthgen.api.looking import JudgeId, judge_of
from synthgen.api.subject import RecordedRun
from synthgen.api.trust import pinned_judge
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
    """

    classes: tuple[str, ...] | None
    attributes: Mapping[str, Attribute]
    balance: tuple[Balance, ...]
    gates: tuple[GateSpec, ...]
    judge: str
    judge_by_run: bool = False


def declare(run: RecordedRun | None, spec: Spec | Path | None, attributes: Path | None) -> Declaration:
    """Read the declaration from `spec`, from the file `attributes`, or else from the run's own spec.

    Raises:
        SpecError: a file is invalid.
        UsageError: both are given.
    """
    if spec is not None and attributes is not None:
        raise UsageError("--spec and --attributes exclude each other", hint="A spec has attributes of its own.")
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
    return Declaration(tuple(whole.classes), whole.attributes, whole.balance, whole.gates, whole.judge.id, by_run)


def find_judges(
    names: Sequence[str], run: RecordedRun | None, declared: Declaration, needed: bool
) -> tuple[JudgeId, ...]:
    """Find the judges to ask: those named, or else the declared one if a judge is needed.

    A judge that the user names is remembered, so that runs may name it too from then on.

    Raises:
        UsageError: a name is not valid, or there are more than two.
        ModelError: a judge does not exist, or neither hub nor cache can resolve its revision.
    """
    if len(names) > 2 or len(set(names)) < len(names):
        raise UsageError(f"--judge: expected one judge, or two different ones, found {', '.join(names)}")
    if not names and declared.judge_by_run and run is not None:
        return (judge_of(run),) * needed
    return tuple(_judge(name, run) for name in (names or [declared.judge] * needed))


def _judge(name: str, run: RecordedRun | None) -> JudgeId:
    if run is not None and name == run.planned.spec.judge.id:
        return _named_by_both(judge_of(run))
    try:
        JudgeSpec(id=name)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]["msg"]
        raise UsageError(f"--judge {name}: expected {problem}") from error
    judge = JudgeId(name, wiring.judge_revision(name))
    pinned_judge(judge.name, judge.revision).remember()
    return judge


def _named_by_both(judge: JudgeId) -> JudgeId:
    """Handle the run's judge when the user names it too.

    This does not vouch for the commit of a hub judge: the run alone names it, and it may come from anybody's pull
    request.
    """
    pinned = pinned_judge(judge.name, judge.revision)
    if pinned.kind == "hub":
        return judge
    if pinned.kind == "folder" and Path(pinned.place).is_dir() and wiring.judge_revision(judge.name) == judge.revision:
        pinned.remember()
    return replace(judge, run=None)


def references(
    declared: Declaration, targets: Mapping[str, str], values: Mapping[str, Sequence[str]]
) -> dict[str, Reference]:
    """Return the reference of each attribute, from `targets` or else from `balance`.

    Raises:
        UsageError: a target is not valid, or is for an attribute that is not measured.
    """
    from synthgen.auditing.reference import parse_target

    if strange := [name for name in targets if name not in values]:
        raise UsageError(f"--target: there is no attribute {strange[0]!r}", hint=f"There are {', '.join(values)}.")
    found = {entry.attribute: _of_balance(entry, values) for entry in declared.balance if entry.attribute in values}
    return found | {name: parse_target(name, text, values[name]) for name, text in targets.items()}


def _of_balance(entry: Balance, values: Mapping[str, Sequence[str]]) -> Reference:
    from synthgen.sets.shares import read_shares
    from synthgen.stats.distance import Reference, Target, uniform

    if entry.target == "uniform":
        return uniform(values[entry.attribute])
    if isinstance(file := entry.target.get("from"), str):
        shares = read_shares(Path(file), entry.attribute, values[entry.attribute])
        return Reference(f"the shares in {file}", Target(shares))
    return Reference("declared shares", Target({str(value): float(share) for value, share in entry.target.items()}))

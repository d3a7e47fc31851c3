"""Which judge is asked what: the first about every attribute, a further one about those that it can answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from synthgen.auditing.input.judges import JudgeId, Judges
from synthgen.errors import UsageError
from synthgen.spec import Attribute


class Answerable(NamedTuple):
    """What judges are asked.

    Attributes:
        attributes: by judge, the attributes that it is asked about.
        unanswered: in a sentence each, what a further judge is not asked, and why.
    """

    attributes: dict[JudgeId, Mapping[str, Attribute]]
    unanswered: tuple[str, ...]


def answerable(found: Sequence[JudgeId], judged: Mapping[str, Attribute], judges: Judges) -> Answerable:
    """Share the attributes out.

    Raises:
        UsageError: the first judge cannot answer an attribute, or a further one none; or a judge has nothing to answer.
    """
    asked: dict[JudgeId, Mapping[str, Attribute]] = {}
    unanswered = []
    for place, judge in enumerate(found):
        if judge.is_asked and not judged:
            what = f"{judge.name}: there is nothing to ask, because no attribute is judged"
            raise UsageError(what, argument="judges", hint="Give `spec` or `attributes`.")
        reasons = {name: _reason(judge, name, attribute, judges) for name, attribute in judged.items()}
        asked[judge] = {name: attribute for name, attribute in judged.items() if reasons[name] is None}
        refused = [reason for reason in reasons.values() if reason is not None]
        if refused and (place == 0 or not asked[judge]):
            hint = "Name a judge first that can answer every attribute." if place == 0 and asked[judge] else None
            raise UsageError(f"{judge.name}: {refused[0]}", argument="judges", hint=hint)
        unanswered += [f"{judge.name} was not asked about {name}: {why}" for name, why in reasons.items() if why]
    return Answerable(asked, tuple(unanswered))


def _reason(judge: JudgeId, name: str, attribute: Attribute, judges: Judges) -> str | None:
    """Say why a judge cannot answer an attribute; None if it can."""
    if not judge.is_asked:
        return None
    try:
        judges.questions(judge, name, attribute)
    except UsageError as error:
        return f"{error.message} ({error.hint})" if error.hint else error.message
    return None

"""What became of the attempts, counted per class."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from synthgen.files import as_damage
from synthgen.fragments import fragment, table
from synthgen.ledger.review import NO_REVIEW, REVIEWER, Review
from synthgen.ledger.source import Source, batches
from synthgen.records import Reason, Verdict

Fate = tuple[str, str, str | None]
"""Class, verdict, and reason where there is one."""

MEANINGS: Mapping[str, str] = {
    Reason.EARLY: "stopped after its first steps, which predicted that it would be rejected",
    Reason.BLANK: "shows nothing",
    Reason.BLURRED: "blurred beyond use",
    Reason.NOISY: "noisy beyond use",
    Reason.UNSAFE: "shows what the spec's safety section rejects",
    Reason.LABEL: "the judge does not see its class in it",
    Reason.CLIP: "does not match its prompt",
    Reason.KEPT: "lost too much of the picture that it began from",
    Reason.CHANGED: "hardly differs from the picture that it began from, or is no nearer to its prompt",
    Reason.BOX: "a box does not show its class, or it has none",
    Reason.LEARNER: "too easy or too hard for the learner",
    Reason.MEASURE: "outside the limits of a plug-in's measure",
    Reason.DUPLICATE: "repeats an image before it",
    Reason.ATTRIBUTE: "measured as something that no cell asks for, or unknown",
    REVIEWER: "taken out by a reviewer",
    Verdict.SURPLUS: "passed the filters, but was not needed or came after its budget of attempts",
    "not_finite": "the model's numbers broke: no image",
    "safety_checker": "held back by the model's own safety checker",
    Verdict.FAILED: "the model gave no image",
}
"""Why attempts are not accepted, in words."""


@dataclass(frozen=True, slots=True)
class ClassTally:
    """What became of the attempts at one class.

    Attributes:
        quota: how many accepted images were asked for; None in a preview.
        others: attempts that were not accepted: by reason, else by verdict; the most frequent first.
    """

    name: str
    quota: int | None
    attempted: int
    accepted: int
    others: Mapping[str, int]

    @property
    def surplus(self) -> int:
        """Attempts that passed the filters, and were more than the quotas needed."""
        return self.others.get(Verdict.SURPLUS, 0)

    @property
    def taken_out(self) -> int:
        """Attempts that passed the filters, and that a reviewer took out."""
        return self.others.get(REVIEWER, 0)

    @property
    def passed(self) -> int:
        """Attempts that passed the filters, needed or not, or that a reviewer took in."""
        return self.accepted + self.surplus + self.taken_out


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of all attempts, class by class."""

    classes: tuple[ClassTally, ...]

    def __repr__(self) -> str:
        return f"<Tally {self.attempted:,} attempts in {len(self.classes):,} classes: {self.accepted:,} accepted>"

    def _repr_html_(self) -> str:
        """Show the counts of each class and why attempts were not accepted, in a notebook."""
        return fragment(self.headline, *self.tables())

    def tables(self) -> tuple[str, ...]:
        """Write the counts by class, and those of the reasons, as HTML."""
        has_quota = any(kind.quota is not None for kind in self.classes)
        columns = ["class", "accepted", *(["asked for"] if has_quota else []), "attempts"]
        counts = table(
            columns,
            (
                (kind.name, kind.accepted, *([kind.quota or 0] if has_quota else []), kind.attempted)
                for kind in self.classes
            ),
        )
        others = table(["not accepted", "attempts"], self.others.items())
        return (counts, others) if self.others else (counts,)

    @property
    def attempted(self) -> int:
        return sum(kind.attempted for kind in self.classes)

    @property
    def accepted(self) -> int:
        return sum(kind.accepted for kind in self.classes)

    @property
    def surplus(self) -> int:
        return sum(kind.surplus for kind in self.classes)

    @property
    def passed(self) -> int:
        """Attempts that passed the filters, whether a cell needed them or not, or that a reviewer took in."""
        return sum(kind.passed for kind in self.classes)

    @property
    def headline(self) -> str:
        """What became of the attempts, in one line."""
        taken_out = sum(kind.taken_out for kind in self.classes)
        return headline(self.passed, self.attempted, None if self.quota is None else self.accepted, taken_out)

    @property
    def quota(self) -> int | None:
        """Accepted images asked for; None unless every class has a quota."""
        quotas = [kind.quota for kind in self.classes if kind.quota is not None]
        return sum(quotas) if quotas and len(quotas) == len(self.classes) else None

    @property
    def missing(self) -> int:
        """Accepted images short of the quotas, class by class."""
        return sum(max((kind.quota or 0) - kind.accepted, 0) for kind in self.classes)

    @property
    def others(self) -> dict[str, int]:
        total: Counter[str] = Counter()
        for kind in self.classes:
            total.update(kind.others)
        return dict(total.most_common())


def headline(passed: int, attempted: int, kept: int | None = None, taken_out: int = 0) -> str:
    """Say in one line what became of attempts. In a preview nothing is `kept`; reviewers took some out.

    Example:
        >>> from synthgen.ledger.tally import headline
        >>> headline(passed=73, attempted=96, kept=60)
        '73 of 96 attempts passed the filters (76%): 60 kept, 13 more than needed'
    """
    share = f" ({passed / attempted:.0%})" if attempted else ""
    text = f"{passed:,} of {attempted:,} attempts passed the filters{share}"
    if kept is None:
        return text
    more = passed - kept - taken_out
    parts = [f"{kept:,} kept"]
    parts += [f"{more:,} more than needed"] if more > 0 else []
    parts += [f"{taken_out:,} taken out by a reviewer"] if taken_out else []
    return f"{text}: {', '.join(parts)}"


def tally(fates: Counter[Fate], quotas: Mapping[str, int | None]) -> Tally:
    """Count every class of `quotas` in its order, and after them those that only `fates` knows."""
    names = list(dict.fromkeys([*quotas, *sorted(name for name, _, _ in fates)]))
    return Tally(tuple(_class_tally(name, quotas.get(name), fates) for name in names))


def read_tally(ledgers: Iterable[Source], quotas: Mapping[str, int | None], review: Review = NO_REVIEW) -> Tally:
    """Count whole ledgers without reading their pictures, as they read with a `review`."""
    fates: Counter[Fate] = Counter()
    names = ("class", "verdict", "reason")
    for ledger in ledgers:
        for batch in batches(ledger, (*names, "id") if review else names):
            with as_damage(ledger):
                rows = map(review.read, batch.to_pylist()) if review else batch.to_pylist()
                fates.update(_fate(row["class"], row["verdict"], row["reason"]) for row in rows)
    return tally(fates, quotas)


def read_prompts(ledgers: Iterable[Source]) -> dict[str, set[str]]:
    """Collect the different prompts of each class that attempts had."""
    found: dict[str, set[str]] = {}
    for ledger in ledgers:
        for batch in batches(ledger, ("class", "prompt")):
            for row in batch.to_pylist():
                found.setdefault(row["class"], set()).add(row["prompt"])
    return found


def _fate(name: object, verdict: object, reason: object) -> Fate:
    """Check and give the fate of one attempt.

    Raises:
        ValueError: these are not what a ledger holds.
    """
    if not isinstance(name, str) or not isinstance(verdict, str) or not isinstance(reason, str | None):
        raise ValueError(f"a row of the class {name!r} with the verdict {verdict!r} and the reason {reason!r}")
    return name, Verdict(verdict).value, reason


def _class_tally(name: str, quota: int | None, fates: Counter[Fate]) -> ClassTally:
    own = {(verdict, reason): count for (owner, verdict, reason), count in fates.items() if owner == name}
    others: Counter[str] = Counter()
    for (verdict, reason), count in own.items():
        if verdict != Verdict.ACCEPTED:
            others[reason or verdict] += count
    attempted = sum(own.values())
    return ClassTally(name, quota, attempted, attempted - others.total(), dict(others.most_common()))

"""Rules: what an image must score. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf

from synthgen.records import Reason
from synthgen.spec import LabelFilter, Spec


@dataclass(frozen=True, slots=True)
class Rule:
    """Rejects an image whose score falls below `floor` or rises above `ceiling`."""

    reason: Reason
    score: str
    floor: float = -inf
    ceiling: float = inf

    def rejects(self, scores: Mapping[str, float]) -> bool:
        # NaN compares false with everything: written this way round, a broken score rejects.
        return not self.floor <= scores[self.score] <= self.ceiling

    @property
    def limits(self) -> str:
        """In words."""
        return f"at least {self.floor:g}" if self.floor > -inf else f"at most {self.ceiling:g}"

    def implies(self, other: "Rule") -> bool:
        """Whether all that `other` rejects, by the same score, this one rejects too."""
        return self.floor >= other.floor and self.ceiling <= other.ceiling


def rules_of(spec: Spec, class_name: str) -> tuple[Rule, ...]:
    """The rules for images of a class, in the order of `Reason`; duplicates are no rule, they need a memory."""
    filters, rules = spec.filters, []
    if filters.quality:
        rules.append(Rule(Reason.BLANK, "contrast", filters.quality.min_contrast))
        rules.append(Rule(Reason.BLURRED, "sharpness", filters.quality.min_sharpness))
        rules.append(Rule(Reason.NOISY, "noise", ceiling=filters.quality.max_noise))
    if spec.safety.reject:
        rules.append(Rule(Reason.UNSAFE, "unsafe_posterior", ceiling=spec.safety.above))
    if filters.label:
        rules.append(Rule(Reason.LABEL, "label_posterior", _floor(filters.label, len(spec.classes), class_name)))
    if filters.clip:
        rules.append(Rule(Reason.CLIP, "clip_score", filters.clip.min_score))
    return tuple(rules)


def _floor(label: LabelFilter, classes: int, class_name: str) -> float:
    if label.min_posterior == "chance":
        return 1 / classes  # He et al. 2023: what is likelier than by chance
    return label.min_posterior[class_name] if isinstance(label.min_posterior, Mapping) else label.min_posterior


def first_rejection(scores: Mapping[str, float], rules: tuple[Rule, ...]) -> Reason | None:
    """The reason of the first rule that rejects.

    Raises:
        KeyError: a rule names a score that was not measured.
    """
    return next((rule.reason for rule in rules if rule.rejects(scores)), None)

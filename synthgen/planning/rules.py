"""Rules: what an image must score. Pure."""

from collections.abc import Mapping
from math import inf

from synthgen.records import Reason, Rule
from synthgen.spec import LabelFilter, Spec


def rules_of(spec: Spec, class_name: str) -> tuple[Rule, ...]:
    """The rules for images of a class, in the order of `Reason`. Duplicates have no rule: they need a memory."""
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
    if filters.kept and filters.kept.min_score is not None:
        rules.append(Rule(Reason.KEPT, "kept", _of(class_name, filters.kept.min_score)))
    if filters.changed:
        rules.append(Rule(Reason.CHANGED, "changed", filters.changed.min_difference))
        if filters.changed.min_gain is not None:
            rules.append(Rule(Reason.CHANGED, "gained", _of(class_name, filters.changed.min_gain)))
    if filters.box:
        rules.append(Rule(Reason.BOX, "box_margin", _of(class_name, filters.box.min_margin)))
    if filters.learner:
        rules.append(Rule(Reason.LEARNER, "learner_entropy", *filters.learner.entropy))
    for name, limits in filters.measures.items():
        if limits.min is not None or limits.max is not None:
            floor, ceiling = -inf if limits.min is None else limits.min, inf if limits.max is None else limits.max
            rules.append(Rule(Reason.MEASURE, name, floor, ceiling))
    return tuple(rules)


def _floor(label: LabelFilter, classes: int, class_name: str) -> float:
    if label.min_posterior == "chance":
        return 1 / classes  # He et al. 2023: what is likelier than by chance
    return _of(class_name, label.min_posterior)


def _of(class_name: str, limit: float | Mapping[str, float]) -> float:
    return limit[class_name] if isinstance(limit, Mapping) else limit


def first_broken(scores: Mapping[str, float], rules: tuple[Rule, ...]) -> Rule | None:
    """Find the first rule that rejects; None if all allow these scores.

    Raises:
        KeyError: a rule names a score that was not measured.
    """
    return next((rule for rule in rules if not rule.allows(scores[rule.score])), None)


def first_rejection(scores: Mapping[str, float], rules: tuple[Rule, ...]) -> Reason | None:
    """Give the reason of the first rule that rejects.

    Raises:
        KeyError: a rule names a score that was not measured.
    """
    broken = first_broken(scores, rules)
    return broken.reason if broken else None

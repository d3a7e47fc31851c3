"""evaluation.json: the content, and its schema."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from synthgen.evaluating.arms import ArmKind
from synthgen.evaluating.contract import LeakCheck
from synthgen.evaluating.findings import FilterEffect, FoundArm, UsefulnessFindings
from synthgen.evaluating.gates import UsefulnessCheck
from synthgen.evaluating.hardest import MOST_HARD
from synthgen.evaluating.provenance import EvaluationProvenance
from synthgen.spec.errors_file import ErrorsFile, errors_definitions
from synthgen.stats.estimates import Estimate
from synthgen.stats.paired import MeasuredScores, Usefulness

FORMAT = 1
"""Increased when a key changes its meaning or is removed. New keys may appear without notice."""
_MOST_PAIRS = 100
_RIVALS = "What the arm of the verdict has more than what could be had instead of it."
_SUGGESTED = "The content of the file of errors in validation; null if none was asked for."


def document_of(
    found: UsefulnessFindings,
    checks: Sequence[UsefulnessCheck],
    judge: str,
    revision: str,
    seed: int,
    provenance: EvaluationProvenance,
    suggested: ErrorsFile | None = None,
) -> dict[str, object]:
    """Return the content of evaluation.json."""
    return {
        "format": FORMAT,
        "verdict": found.verdict.value,
        "reason": found.reason,
        "decided_by": found.decided_by,
        "difference": _estimate(found.decisive.difference),
        "filters": _filters(found.filters),
        "rivals": [{"arm": name, "difference": _scores(each)} for name, each in found.rivals.items()],
        "smallest_effect": found.smallest,
        "blind": found.blind,
        "gates": [
            {
                "gate": str(check.gate),
                "outcome": check.outcome.value,
                "found": _estimate(check.found),
                "reason": check.reason,
            }
            for check in checks
        ],
        "arms": [_arm(arm) for arm in found.arms],
        "learner": found.learner,
        "training": dict(found.training),
        "judge": {"name": judge, "revision": revision},
        "seeds": found.seeds,
        "seed": seed,
        "classes": list(found.classes),
        "images": dict(found.counts),
        "left_out": {title: dict(reasons) for title, reasons in found.left_out.items()},
        "leaks": [_leaks(check) for check in found.checks],
        "near_cosine": found.cosine,
        "test": {"sha256": found.test_sha256, "groups": found.test_groups},
        "hardest": {"count": found.hardest.count, "images": [asdict(each) for each in found.hardest.images]},
        "suggested": suggested.model_dump(mode="json") if suggested is not None else None,
        "notes": list(found.notes),
        "provenance": {**asdict(provenance), "sets": dict(provenance.sets)},
    }


def evaluation_schema() -> dict[str, object]:
    """Return the JSON Schema of evaluation.json, which is also the result of `evaluate`."""
    text, share = {"type": "string"}, {"type": "number", "minimum": 0, "maximum": 1}
    number, count = {"type": "number"}, {"type": "integer", "minimum": 0}
    interval = _object({"value": number, "low": number, "high": number})
    scores = _schema_of_scores(interval)
    maybe, maybe_scores = ({"anyOf": [each, {"type": "null"}]} for each in (share, scores))
    arm = _object(
        {
            "name": text,
            "kind": {"enum": [kind.value for kind in ArmKind]},
            "ratio": {"type": "number", "minimum": 0},
            "images": number,
            "setting": number,
            "validation_accuracy": share,
            "scores": scores,
            "difference": maybe_scores,
            "p_value": maybe,
            "p_value_holm": maybe,
            "difference_from_unfiltered": maybe_scores,
        }
    )

    pair = _object({"image": text, "other": text, "how": text})
    leak = {"count": count, "pairs": {"type": "array", "items": pair, "maxItems": _MOST_PAIRS}}
    outcome = {"enum": ["pass", "fail", "insufficient data"]}
    properties: dict[str, object] = {
        "format": {"const": FORMAT},
        "verdict": {"enum": [each.value for each in Usefulness]},
        "reason": text,
        "decided_by": {**text, "description": "The arm that the verdict is on: the best of its kind in validation."},
        "difference": {**interval, "description": "Its accuracy less that of real images alone, with 95 % interval."},
        "filters": _filters_schema(text, maybe_scores),
        "rivals": {**_list(_object({"arm": text, "difference": scores})), "description": _RIVALS},
        "smallest_effect": share,
        "blind": {"type": "boolean", "description": "Whether the control with shuffled labels did not hurt."},
        "gates": _list(_object({"gate": text, "outcome": outcome, "found": interval, "reason": text})),
        "arms": _list(arm),
        "learner": text,
        "training": _training(),
        "judge": _object({"name": text, "revision": text}),
        "seeds": count,
        "seed": count,
        "classes": _list(text),
        "images": {"type": "object", "additionalProperties": count},
        "left_out": {"type": "object", "additionalProperties": {"type": "object", "additionalProperties": count}},
        "leaks": _list(_object({"set": text, "images": count, "test": _object(leak), "train": _object(leak)})),
        "near_cosine": {**share, "description": "From this cosine of embeddings on, two images count as copies."},
        "test": _object({"sha256": text, "groups": count}),
        "hardest": _hardest_schema(text, count, number),
        "suggested": {"anyOf": [{"$ref": "#/$defs/ErrorsFile"}, {"type": "null"}], "description": _SUGGESTED},
        "notes": _list(text),
        "provenance": _provenance_schema(text),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "synthgen evaluation",
        **_object(properties),
        "$defs": errors_definitions(),
    }


def _filters_schema(text: Mapping[str, object], scores: Mapping[str, object]) -> dict[str, object]:
    told = "What the arm of the verdict has more than one of as many attempts as they came, before the filters."
    named = {
        "verdict": {"enum": [*(each.value for each in Usefulness), None]},
        "reason": {**text, "description": "Also why there is no such arm, and what to set."},
        "arm": {"anyOf": [text, {"type": "null"}]},
        "difference": scores,
    }
    return {**_object(named), "description": told}


def _provenance_schema(text: Mapping[str, object]) -> dict[str, object]:
    maybe = {"anyOf": [text, {"type": "null"}]}
    return _object(
        {
            "synthgen": text,
            "created": text,
            "command": {**maybe, "description": "A shell command that repeats it."},
            "sets": {"type": "object", "additionalProperties": text},
            "place_sha256": {**maybe, "description": "Of the synthetic set's place."},
        }
    )


def _schema_of_scores(interval: Mapping[str, object]) -> dict[str, object]:
    return _object(
        {
            "accuracy": interval,
            "balanced_accuracy": interval,
            "worst_class": interval,
            "classes": {"type": "object", "additionalProperties": interval},
            "worst_group": {"anyOf": [interval, {"type": "null"}]},
            "groups": {
                "type": "object",
                "description": "By attribute, then by value.",
                "additionalProperties": {"type": "object", "additionalProperties": interval},
            },
        }
    )


def _hardest_schema(
    text: Mapping[str, object], count: Mapping[str, object], number: Mapping[str, object]
) -> dict[str, object]:
    near = _object({"id": text, "label": text, "cosine": number})
    described = {
        "id": text,
        "label": text,
        "predicted": {**text, "description": "The wrong class that it was given most often."},
        "wrong": {**count, "description": "With how many seeds it was classified wrong."},
        "nearest": {**near, "description": "The synthetic image that is nearest by the judge's embedding."},
        "nearest_alike": {"anyOf": [near, {"type": "null"}], "description": "The nearest of its own class."},
    }
    images = {**_list(_object(described)), "maxItems": MOST_HARD}
    hard = "Test images that the arm of the verdict gets wrong with more than half of the seeds."
    return {**_object({"count": count, "images": images}), "description": hard}


def _training() -> dict[str, object]:
    """The schema of `training`: learners on embeddings leave it empty."""
    count, text = {"type": "integer", "minimum": 1}, {"type": "string"}
    named = {"image_size": count, "steps": count, "weights": text, "package": text}
    return {
        "type": "object",
        "description": "Of learners that see pixels. The weights are those of a pretrained network, with their commit.",
        "properties": named,
        "additionalProperties": False,
    }


def _object(properties: Mapping[str, object]) -> dict[str, object]:
    return {"type": "object", "properties": dict(properties), "required": list(properties)}


def _list(items: Mapping[str, object]) -> dict[str, object]:
    return {"type": "array", "items": dict(items)}


def _arm(found: FoundArm) -> dict[str, object]:
    scored = found.scored
    return {
        "name": found.arm.name,
        "kind": found.arm.kind.value,
        "ratio": found.arm.ratio,
        "images": found.images,
        "setting": found.setting,
        "validation_accuracy": found.validation,
        "scores": _scores(scored.scores),
        "difference": _scores(scored.difference) if scored.difference is not None else None,
        "p_value": scored.p_value,
        "p_value_holm": scored.adjusted,
        "difference_from_unfiltered": _scores(found.unfiltered) if found.unfiltered is not None else None,
    }


def _filters(found: FilterEffect) -> dict[str, object]:
    return {
        "verdict": found.verdict.value if found.verdict is not None else None,
        "reason": found.reason,
        "arm": found.arm,
        "difference": _scores(found.difference) if found.difference is not None else None,
    }


def _scores(scores: MeasuredScores) -> dict[str, object]:
    return {
        "accuracy": _estimate(scores.accuracy),
        "balanced_accuracy": _estimate(scores.balanced),
        "worst_class": _estimate(scores.worst),
        "classes": {name: _estimate(each) for name, each in scores.classes.items()},
        "worst_group": _estimate(scores.worst_group),
        "groups": {
            attribute: {value: _estimate(each) for value, each in values.items()}
            for attribute, values in scores.groups.items()
        },
    }


def _estimate(found: Estimate | None) -> dict[str, float] | None:
    return {"value": found.value, "low": found.low, "high": found.high} if found is not None else None


def _leaks(check: LeakCheck) -> dict[str, object]:
    def side(near: Sequence[object]) -> dict[str, object]:
        return {"count": len(near), "pairs": list(near[:_MOST_PAIRS])}

    test, train = (
        [{"image": each.id, "other": each.other, "how": each.how} for each in near]
        for near in (check.test, check.train)
    )
    return {"set": check.title, "images": check.images, "test": side(test), "train": side(train)}

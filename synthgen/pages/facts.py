"""Facts about a run, as the contact sheet and the dataset's card give them."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import TYPE_CHECKING

from synthgen.planning import Plan
from synthgen.presets import preset_of
from synthgen.records import Reason, Rule
from synthgen.spec import UNKNOWN, Spec, choices_of, in_words, stage_name

if TYPE_CHECKING:
    from synthgen.ledger.composition import BalanceRequest

_CLASSES = 12
"""With more classes, thresholds are shown as a range."""


def limits(spec: Spec) -> dict[str, tuple[Rule, ...]]:
    """Return, by class, the rules on scores."""
    from synthgen.planning.rules import rules_of

    told = tuple(
        Rule(Reason.ATTRIBUTE, f"{entry.attribute}_posterior", floor=spec.attributes[entry.attribute].abstain_below)
        for entry in spec.wanted
    )
    return {name: (*rules_of(spec, name), *told) for name in spec.classes}


def asked(planned: Plan) -> BalanceRequest:
    """Return what the plan measures and balances."""
    from synthgen.ledger.composition import BalanceRequest

    spec = planned.spec
    answers = {name: (*attribute.groups, UNKNOWN) for name, attribute in spec.attributes.items()}
    return BalanceRequest(
        answers, tuple(entry.attribute for entry in spec.wanted), planned.cells if spec.wanted else ()
    )


def facts(planned: Plan) -> dict[str, str]:
    """Return how a run samples and filters, in the words of the contact sheet and the card."""
    from synthgen.pages.sheet import watched

    model = planned.spec.model
    facts = {"model": model.id, "steps": in_words(model, "steps"), "guidance": in_words(model, "guidance")}
    facts |= {key: in_words(model, key) for key in choices_of(model) if key not in facts}
    facts |= {"preset": planned.spec.preset} if planned.spec.preset else {}
    if model.guidance_interval is not None:
        facts["guidance interval"] = "{:g} to {:g} of the denoising".format(*model.guidance_interval)
    if model.image_guidance is not None:
        facts["guidance towards the picture"] = f"{model.image_guidance:g}"
    if preset := preset_of(model):
        facts["licence of the model"] = f"{preset.licence} ({preset.licence.reason})"
    for adapter in model.adapters:
        revision = planned.revisions.adapters.get(adapter.label, "")
        facts[f"adapter {adapter.label}"] = adapter.described(revision, adapter.license)
    for name, part in model.components.items():
        facts[f"component {name}"] = part.described(planned.revisions.components.get(name, ""))
    if model.config:
        facts["config"] = f"{model.config} {planned.revisions.components.get('config', '')}"
    for index, control in enumerate(planned.spec.control):
        name = f"control.{index}"
        facts[f"control {index + 1}"] = control.described(planned.revisions.components.get(name, ""))
    for index, then in enumerate(planned.spec.then):
        facts[f"then {index + 1}"] = then.described(planned.revisions.components.get(stage_name(index), ""))
    for index, reference in enumerate(planned.spec.reference):
        revision = planned.revisions.components.get(f"reference.{index}", "")
        facts[f"reference {index + 1}"] = reference.described(revision)
    if planned.sources is not None and planned.spec.source is not None:
        facts["pictures from"] = planned.sources.described(planned.spec.source.dataset)
    if planned.spec.drawn_region is not None:
        facts["region" if planned.spec.canvas is None else "canvas"] = planned.spec.drawn_region
    for key, annotator in planned.spec.annotate.named().items() if planned.spec.annotate is not None else ():
        facts[f"{key} by"] = annotator.described(planned.revisions.annotators.get(key, ""))
    if written := planned.spec.prompts.expanded_by:
        facts["prompts written by"] = written
    if planned.spec.aimed_by:
        facts["aimed by errors in"] = ", ".join(f"{each.file} ({each.sha256[:12]})" for each in planned.spec.aimed_by)
    floors: dict[str, dict[str, float]] = {}
    ceilings: dict[str, float] = {}  # the same for each class
    for name, of_class in limits(planned.spec).items():
        for limit in of_class:
            if watched(limit):
                floors.setdefault(limit.score, {})[name] = limit.floor
                ceilings[limit.score] = limit.ceiling
    for score, by_class in floors.items():
        more = f", at most {ceilings[score]:g}" if isfinite(ceilings[score]) else ""
        facts[score.replace("_", " ")] = f"at least {_by_class(by_class)}{more}"
    facts |= {"calibrated for": planned.promise} if planned.promise else {}
    facts |= {key.replace("measures.", "measure "): release for key, release in planned.revisions.plugins.items()}
    return facts | {"judge": planned.spec.judge.id, "seed": str(planned.spec.seed)}


def _by_class(floors: Mapping[str, float]) -> str:
    least, most = min(floors.values()), max(floors.values())
    if least == most:
        return f"{least:g}"
    if len(floors) > _CLASSES:
        return f"{least:.4g} to {most:.4g}, by class"
    return ", ".join(f"{floor:.4g} ({name})" for name, floor in floors.items())

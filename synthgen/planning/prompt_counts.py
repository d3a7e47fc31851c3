"""How many prompts there are for each class, compared with the images that it is to have. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from synthgen.planning.candidates import prompts_for, used_values
from synthgen.planning.plan import Plan
from synthgen.planning.shown_columns import column_texts
from synthgen.spec.expanded import named


@dataclass(frozen=True, slots=True)
class PromptCount:
    """The prompts of a class, or of a class and the values that steer its balance.

    Attributes:
        images: accepted images that are wanted.
        there: combinations of template and values that can be drawn.
    """

    images: int
    there: int


def prompt_counts(plan: Plan) -> dict[str, dict[str, PromptCount]]:
    """Count the prompts of each class, and in it of each combination of values that its templates can steer."""
    found: dict[str, dict[str, PromptCount]] = {name: {} for name in plan.spec.classes}
    for cell in plan.cells:
        of_class = found[cell.class_name]
        name = named(cell.class_name, used_values(plan.spec, cell))
        before = of_class.get(name)
        there = before.there if before else prompts_for(plan.spec, cell, column_texts(plan, cell.class_name))
        of_class[name] = PromptCount(cell.quota + (before.images if before else 0), there)
    return {name: counts for name, counts in found.items() if counts}


def prompts_by_class(plan: Plan) -> dict[str, PromptCount]:
    """Count the prompts of each class."""
    return {
        name: PromptCount(sum(each.images for each in counts.values()), sum(each.there for each in counts.values()))
        for name, counts in prompt_counts(plan).items()
    }


def few_prompts(plan: Plan) -> str | None:
    """Say if more images are wanted than there are prompts, so that prompts must come again.

    Many prompts with one image each make training data more diverse than few prompts with many seeds.
    """
    counts = {name: each for of_class in prompt_counts(plan).values() for name, each in of_class.items()}
    short = {name: each for name, each in counts.items() if each.images > each.there}
    if not short:
        return None
    name, worst = max(short.items(), key=lambda item: item[1].images / item[1].there)
    others = f" (and {len(short) - 1:,} more)" if len(short) > 1 else ""
    times = -(-worst.images // worst.there)
    return (
        f"few prompts for {name}{others}: {worst.images:,} images from {worst.there:,}, so some come {times:,} times "
        "or more; more values, templates or prompts.expand make images more diverse"
    )


def used_of(used: int, there: int) -> str:
    """Write how many of the prompts were used: `12 of 133 used`."""
    return f"{used:,} of {there:,} used"


def shown_counts(counts: Mapping[str, PromptCount]) -> str:
    """Write the prompts of classes on a line: `133 for each class`, or the fewest and the most."""
    fewest = min(counts, key=lambda name: counts[name].there)
    least, most = counts[fewest].there, max(each.there for each in counts.values())
    if least == most:
        return f"{least:,} different{' for each class' if len(counts) > 1 else ''}"
    return f"{least:,} ({fewest}) to {most:,} different for a class"

"""What templates show of a plan's pictures: the texts of columns that images take over. Pure."""

from collections.abc import Mapping, Sequence

from synthgen.planning.dealing import pictures_for
from synthgen.planning.plan import Plan
from synthgen.spec import PromptSpace
from synthgen.spec.source_texts import texts_of


def column_texts(plan: Plan, class_name: str) -> list[dict[str, str]]:
    """Return what the columns say of each picture that images of a class begin from; nothing if none are kept."""
    if plan.sources is None or not plan.sources.kept:
        return []
    return [texts_of(row.kept) for row in pictures_for(plan, class_name)]


def count_with_columns(space: PromptSpace, texts: Sequence[Mapping[str, str]]) -> int:
    """Count the prompts of a template: combinations of values, and of what its columns say of the pictures."""
    shown = space.template.shown
    return space.count() * (len({tuple(each[name] for name in shown) for each in texts}) if shown else 1)

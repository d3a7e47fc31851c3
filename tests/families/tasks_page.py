"""The table of docs/tasks.md, from diffusers' source and our table: `python -m tests.families.tasks_page` writes it."""

import re
from collections.abc import Iterator
from pathlib import Path

from synthgen.families.picture_rules import ImageGuidance
from synthgen.families.resolve import family_of, not_fit
from synthgen.families.signature import auto_families, signature_of
from synthgen.families.table import FAMILIES, Family, Together
from synthgen.families.tasks import TASKS, TaskRoles

PAGE = Path(__file__).parents[2] / "docs/tasks.md"
SAME = "outpaint"
"""It is done by the pipelines of `inpaint`, and has no table of its own."""


def table(task: TaskRoles) -> str:
    """Write a row for each pipeline that diffusers lists for a task, and for those beside its list."""
    more = "guidance towards the picture" if task.edits else "strength by default"
    rows = [f"| model | diffusers' pipeline | works | {more} | batch |", "| --- | --- | --- | --- | --- |"]
    return "\n".join([*rows, *_rows(task)]) + "\n"


def _rows(task: TaskRoles) -> Iterator[str]:
    for key, name in listed(task):
        why, signature, family = not_fit(name, task), signature_of(name), family_of(name)
        assert signature is not None
        cells = [key + ("" if name in auto_families(task.auto).values() else " ¹"), name.removesuffix("Pipeline")]
        if why is not None:
            yield f"| {' | '.join([*cells, f'refused: {why}', '', ''])} |"
            continue
        row = family or Family(pipelines=())
        alone = row.together is Together.NEVER or (task.edits and row.pictures.shared)
        more = str(signature.takes.get("strength", "takes none"))
        if task.edits:
            guided = row.pictures.guidance is not ImageGuidance.NEVER
            more = str(signature.takes["image_guidance_scale"]) if guided else "takes none"
        yield f"| {' | '.join([*cells, f'yes{_limits(row, task)}', more, 'one' if alone else 'any'])} |"


def listed(task: TaskRoles) -> Iterator[tuple[str, str]]:
    """Yield each pipeline with its name in diffusers' lists: of those that edit, which diffusers lists in none, all."""
    auto = auto_families(task.auto)
    if not task.edits:
        found = [*auto.items(), *((_key(text), name) for text, name in task.more.items())]
        known = {name for _, name in found}
        others = [name for row in FAMILIES for name in row.pipelines if not_fit(name, task) is None]
        yield from [*found, *((_key(name), name) for name in others if name not in known)]
        return
    keys = {name: key for key, name in auto.items()}
    rows = [name for row in FAMILIES if row.edits or row.only_edits for name in row.pipelines]
    for name in sorted({*rows, *task.reasons}, key=lambda name: (name in task.reasons, name)):
        yield keys.get(name, _key(name)), name


def _limits(row: Family, task: TaskRoles) -> str:
    """Write which sizes a pipeline draws, where it does not draw all."""
    limits = ["squares only"] * row.squares + ["any shape of a million pixels"] * row.is_area
    if task.edits and row.pictures.least > 1:
        limits.append(f"sides from {row.pictures.least}")
    return "".join(f", {one}" for one in limits)


def _key(text: str) -> str:
    """Write diffusers' name of a family: that of its pipeline for texts."""
    return next(
        (key for key, name in auto_families("TEXT2IMAGE").items() if name == text), text.removesuffix("Pipeline")
    )


def page() -> str:
    """Return the page with its tables as they are now."""
    text = PAGE.read_text(encoding="utf-8")
    for name in [name for name, task in TASKS.items() if task.pictures and name != SAME]:
        begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->\n"
        assert begin in text, name
        now = table(TASKS[name])
        text = re.sub(f"{begin}.*{end}", lambda _: f"{begin}\n{now}\n{end}", text, flags=re.DOTALL)  # noqa: B023
    return text


def main() -> None:
    """Write the tables into the page."""
    PAGE.write_text(page(), "utf-8")


if __name__ == "__main__":
    main()

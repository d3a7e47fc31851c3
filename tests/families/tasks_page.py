"""The table of docs/tasks.md, from diffusers' source and our table: `python -m tests.families.tasks_page` writes it."""

import re
from collections.abc import Iterator
from pathlib import Path

from synthgen.families.resolve import family_of, not_fit
from synthgen.families.signature import auto_families, signature_of
from synthgen.families.table import Together
from synthgen.families.tasks import TASKS, TaskRoles

PAGE = Path(__file__).parents[2] / "docs/tasks.md"
SAME = "outpaint"
"""It is done by the pipelines of `inpaint`, and has no table of its own."""


def table(task: TaskRoles) -> str:
    """Write a row for each pipeline that diffusers lists for a task, and for those beside its list."""
    rows = ["| model | diffusers' pipeline | works | strength by default | batch |", "| --- | --- | --- | --- | --- |"]
    return "\n".join([*rows, *_rows(task)]) + "\n"


def _rows(task: TaskRoles) -> Iterator[str]:
    listed = [*auto_families(task.auto).items(), *((_key(text), name) for text, name in task.more.items())]
    for key, name in listed:
        why, signature, family = not_fit(name, task), signature_of(name), family_of(name)
        assert signature is not None
        cells = [key + ("" if name in auto_families(task.auto).values() else " ¹"), name.removesuffix("Pipeline")]
        if why is not None:
            yield f"| {' | '.join([*cells, f'refused: {why}', '', ''])} |"
            continue
        alone = family is not None and family.together is Together.NEVER
        limits = ", squares only" if family and family.squares else ""
        strength = signature.takes.get("strength", "takes none")
        yield f"| {' | '.join([*cells, f'yes{limits}', str(strength), 'one' if alone else 'any'])} |"


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

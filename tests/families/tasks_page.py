"""The tables of docs/tasks.md, from diffusers' source and ours: `python -m tests.families.tasks_page` writes them."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from synthgen.families.control import CONTROLS, ControlRoles, is_led
from synthgen.families.picture_rules import ImageGuidance
from synthgen.families.reasons import NOT_LED
from synthgen.families.reference import NOT_SHOWN, reference_of
from synthgen.families.resolve import family_of, not_fit
from synthgen.families.signature import auto_families, mixins_of, pipeline_names, signature_of
from synthgen.families.table import FAMILIES, Family, Together
from synthgen.families.tasks import CONTROL, TASKS, TaskRoles

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
        if instead := by_another_task(name, task):
            yield f"| {' | '.join([*cells, f'yes, {instead}', '', ''])} |"
            continue
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
        led = [(row.text, one.pipeline) for row in CONTROLS if (one := row.redrawing(task.name))]
        more = [(_key(text), name) for text, name in [*task.more.items(), *led]]
        found = list(dict.fromkeys([*auto.items(), *(one for one in more if one[1] not in auto.values())]))
        known = {name for _, name in found}
        others = [name for row in FAMILIES for name in row.pipelines if not_fit(name, task) is None]
        yield from [*found, *((_key(name), name) for name in others if name not in known)]
        return
    keys = {name: key for key, name in auto.items()}
    rows = [name for row in FAMILIES if row.edits or row.only_edits for name in row.pipelines]
    for name in sorted({*rows, *task.reasons}, key=lambda name: (name in task.reasons, name)):
        yield keys.get(name, _key(name)), name


def by_another_task(name: str, task: TaskRoles) -> str | None:
    """Say which task or key drives a pipeline that does not do a task as it stands; None if none does, or it does."""
    if not_fit(name, task) is None:
        return None
    if is_led(name, task.name):
        return "with `control`"
    if task.edits and is_led(name, CONTROL):
        return "as the task `control`"
    return "as the task `edit`" if not task.edits and not_fit(name, TASKS["edit"]) is None else None


def _led() -> str:
    """Write a row for each kind of control, and for each of diffusers' pipelines for control that is not driven."""
    rows = [
        "| model | led by | from noise | image-to-image | inpaint, outpaint | several | interval | batch |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
        *(f"| {' | '.join(_kind(row))} |" for row in CONTROLS),
    ]
    left = ["| not driven | why |", "| --- | --- |", *(f"| {_short(name)} | {why} |" for name, why in NOT_LED.items())]
    return "\n".join([*rows, "", *left]) + "\n"


def _kind(row: ControlRoles) -> Iterator[str]:
    yield from (_key(row.text), row.kind or "itself", _short(row.pipeline) + " ²" * row.unseeded)
    for task in ("image-to-image", "inpaint"):
        found = row.redrawing(task)
        marks = f"{' ²' * found.unseeded}{' ³' * found.fills}{' ⁴' * (found.alone and not row.alone)}" if found else ""
        yield _short(found.pipeline) + marks if found else "none"
    alone = row.alone or ((text := family_of(row.text)) is not None and text.together is Together.NEVER)
    yield from ("yes" if row.several else "no", "yes" if row.interval else "no", "one" if alone else "any")


def _short(name: str) -> str:
    return name.removesuffix("Pipeline")


def _counts() -> str:
    """Count how many names of diffusers' lists are driven, and by what."""
    rows = ["| diffusers' list | names | by the task | with `control` | as the task `edit` | refused |"]
    rows.append("| --- | --- | --- | --- | --- | --- |")
    for task in ("image-to-image", "inpaint"):
        roles = TASKS[task]
        names = list(auto_families(roles.auto).values())
        found = Counter("" if not_fit(one, roles) is None else by_another_task(one, roles) for one in names)
        driven = [str(found[key]) for key in ("", "with `control`", "as the task `edit`", None)]
        rows.append(f"| {' | '.join([f'`AUTO_{roles.auto}`', str(len(names)), *driven])} |")
    return "\n".join(rows) + "\n"


def shown_in(name: str) -> list[str]:
    """Name the tasks in which a pipeline is driven."""
    return [task for task in TASKS if is_led(name, task) or (task != CONTROL and not_fit(name, TASKS[task]) is None)]


def _shown() -> str:
    """Write a row for each pipeline that takes IP-Adapters, and for those of which none is shown pictures."""
    rows = ["| diffusers' pipeline | tasks | image encoder | several |", "| --- | --- | --- | --- |"]
    left = ["| not shown pictures | why |", "| --- | --- |"]
    for name in pipeline_names():
        row, tasks = reference_of(name), shown_in(name)
        if not any(base.endswith("IPAdapterMixin") for base in mixins_of(name)):
            continue
        if row is None or not tasks or name in NOT_SHOWN:
            task = TASKS["inpaint" if "Inpaint" in name else "text-to-image"]
            why = NOT_SHOWN.get(name) or (not_fit(name, task) if row else "its call takes no embeddings")
            left.append(f"| {_short(name)} | {why} |")
            continue
        cells = [_short(name), ", ".join(f"`{one}`" for one in tasks), row.encoder, "yes" if row.several else "no"]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join([*rows, "", *left]) + "\n"


def _limits(row: Family, task: TaskRoles) -> str:
    """Write which sizes a pipeline draws, where it does not draw all."""
    limits = ["squares only"] * row.squares + ["any shape of a million pixels"] * row.is_area
    limits += [f"{len(row.sizes)} sizes of a million pixels"] * bool(row.sizes)
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
    tables = {name: table(task) for name, task in TASKS.items() if task.pictures and name != SAME}
    for name, now in {**tables, CONTROL: _led(), "reference": _shown(), "counts": _counts()}.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->\n"
        assert begin in text, name
        text = re.sub(f"{begin}.*{end}", lambda _: f"{begin}\n{now}\n{end}", text, flags=re.DOTALL)  # noqa: B023
    return text


def main() -> None:
    """Write the tables into the page."""
    PAGE.write_text(page(), "utf-8")


if __name__ == "__main__":
    main()

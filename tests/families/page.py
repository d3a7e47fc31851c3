"""The tables of docs/families.md, from diffusers' source, our table and the sweep: `python -m tests.families.page`."""

import re
from collections.abc import Iterator
from pathlib import Path

from synthgen.families.resolve import family_of, not_from_text
from synthgen.families.signature import Signature, auto_names, pipeline_names, signature_of
from synthgen.families.table import Family, Guidance, Together
from tests.families.measured import measured_table, reasons_table, schedulers_table

_ENLARGES = {"HunyuanImagePipeline": 32}
"""How much decoders enlarge; others do so eightfold."""
_ALONE = Family(pipelines=(), together=Together.NEVER)
PAGE = Path(__file__).parents[2] / "docs/families.md"
TABLES = ("families", "measured", "schedulers", "reasons")
_GUIDANCE = {
    Guidance.SCALE: "`guidance_scale`",
    Guidance.LESS_ONE: "`guidance_scale`, less one",
    Guidance.TRUE: "`true_cfg_scale`",
    Guidance.GUIDER: "its guider",
    Guidance.NONE: "none",
}


def table() -> str:
    """Write a row for each pipeline that is driven."""
    rows = [
        "| pipeline | guidance | negative prompt | sides: multiples of | default size | batch |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    return "\n".join([*rows, *_rows()]) + "\n"


def _rows() -> Iterator[str]:
    driven = [name for name in pipeline_names() if not not_from_text(name)]
    for name in sorted(
        driven, key=lambda name: (family_of(name) is None and name not in auto_names("TEXT2IMAGE"), name)
    ):
        signature, family = signature_of(name), family_of(name)
        assert signature is not None
        known = family is not None or name in auto_names("TEXT2IMAGE")
        cells = [
            name.removesuffix("Pipeline") + ("" if known else " ¹"),
            _guidance(signature, family) + (f"; embedded: `{family.embedded}`" if family and family.embedded else ""),
            _negative(signature, family),
            _multiple(name, family),
            _size(signature, family),
            _batches(family) if known else _batches(_ALONE),
        ]
        yield f"| {' | '.join(cells)} |"


def _guidance(signature: Signature, family: Family | None) -> str:
    if family and family.guidance:
        told = _GUIDANCE[family.guidance]
        if family.guidance is Guidance.TRUE and family.embedded and signature.takes[family.embedded] is not None:
            told += "; none if `guidance_embeds` is false"
        return told + (f"; above {family.unguided_to:g} only" if family.unguided_to > 1 else "")
    told = _GUIDANCE[Guidance.SCALE if "guidance_scale" in signature.takes else Guidance.NONE]
    if family and family.distilled:
        told += f"; none if `{family.distilled}`"
    return told + ("; always above 1" if family and family.always_guided else "")


def _negative(signature: Signature, family: Family | None) -> str:
    acts = "negative_prompt" in signature.takes and (family is None or family.negative)
    return "yes" if acts and not (family and family.guidance is Guidance.NONE) else "refused"


def _multiple(name: str, family: Family | None) -> str:
    if family and family.sizes:
        return ", ".join(f"{width} x {height}" for width, height in family.sizes)
    if family and family.is_area:
        return "any with 1024 x 1024 pixels in all"
    if family and family.multiple > 1:
        return str(family.multiple)
    return (
        str(_ENLARGES.get(name, 8) * family.patch)
        if family and family.patch > 1 and not family.factor
        else (str(family.factor * family.patch) if family and family.factor else "8")
    )


def _size(signature: Signature, family: Family | None) -> str:
    width = signature.takes.get("width")
    side = width if isinstance(width, int) else family.side if family and family.side else None
    if side is None and signature.latents:
        side = signature.latents * ((family.factor if family else None) or _ENLARGES.get(signature.name, 8))
        return f"{side} ²"
    return str(side) if side else "³"


def _batches(family: Family | None) -> str:
    together = family.together if family else Together.ALWAYS
    return {Together.ALWAYS: "any", Together.UNGUIDED: "one if guided", Together.NEVER: "one"}[together]


def page() -> str:
    """Return the page with its tables as they are now."""
    text = PAGE.read_text(encoding="utf-8")
    for name, now in zip(TABLES, (table(), measured_table(), schedulers_table(), reasons_table()), strict=True):
        begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->\n"
        assert begin in text, name
        text = re.sub(f"{begin}.*{end}", lambda _: f"{begin}\n{now}\n{end}", text, flags=re.DOTALL)  # noqa: B023
    return text


def main() -> None:
    """Write the tables into the page."""
    PAGE.write_text(page(), "utf-8")


if __name__ == "__main__":
    main()

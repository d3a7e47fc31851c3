"""What is made from the presets: the specs in `specs/`, and docs/models.md's table: `python -m tests.presets.page`."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from synthgen.presets import PRESETS, Preset, spec_of_preset

ROOT = Path(__file__).parents[2]
SPECS = ROOT / "specs"
PAGE = ROOT / "docs/models.md"
BEGIN, END = "<!-- models -->\n", "<!-- /models -->\n"
FEW_STEP = replace(
    PRESETS["flux2-klein-4b"],
    name="few-step",
    model={**PRESETS["flux2-klein-4b"].model, "size": 512},
    dataset="fruit-stand",
)
"""A spec that was there before the presets, and keeps its name."""
_SETTINGS = ("steps", "guidance", "embedded_guidance", "scheduler", "scheduler_config", "max_sequence_length", "size")


def specs() -> dict[Path, str]:
    """Return the file and the text of each preset's spec."""
    return {SPECS / f"{preset.name}.yaml": spec_of_preset(preset) for preset in (*PRESETS.values(), FEW_STEP)}


def page(text: str) -> str:
    """Return the page with its part that is made from the presets."""
    head, rest = text.split(BEGIN)
    return head + BEGIN + "\n" + "\n".join([*_table(), "", *_reasons(), ""]) + "\n" + END + rest.split(END)[1]


def _table() -> Iterator[str]:
    yield "| preset | model | weights, GB ¹ | speed | licence | may train |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for preset in PRESETS.values():
        cells = [
            f"[`{preset.name}`](../specs/{preset.name}.yaml)",
            f"[{preset.title}](https://huggingface.co/{preset.hub_id})",
            f"{preset.weights / 1e9:.1f}, {preset.weights_without_encoders / 1e9:.1f}",
            preset.speed.value,
            f"[{preset.licence.name}]({preset.licence.url})",
            preset.licence.may_train,
        ]
        yield f"| {' | '.join(cells)} |"
    yield ""
    yield "¹ Of all parts, and without the text encoders."


def _settings(preset: Preset) -> str:
    return "; ".join(f"{key} {_value(preset.model[key])}" for key in _SETTINGS if key in preset.model)


def _value(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_value(each)}" for key, each in value.items())
    return "null" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def _reasons() -> Iterator[str]:
    """Say for each preset why its settings are what they are, and where each fact was read."""
    for preset in PRESETS.values():
        yield f"**`{preset.name}`**"
        yield ""
        yield f"- {_settings(preset)}."
        yield from (f"- `{key}`: {comment}" for key, comment in preset.comments.items())
        yield f"- May train, {preset.licence.may_train}: {preset.licence.reason}."
        yield from (f"- {remark}" for remark in preset.remarks)
        read = (
            f"{one.facts}: <{one.url}>" if "://" in one.url else f"{one.facts}: {one.url}" for one in preset.sources
        )
        dates = (f" ({one.date})" if one.date else "" for one in preset.sources)
        yield f"- Read in: {'; '.join(text + date for text, date in zip(read, dates, strict=True))}."
        yield ""


if __name__ == "__main__":
    for path, text in specs().items():
        path.write_text(text, "utf-8")
    PAGE.write_text(page(PAGE.read_text("utf-8")), "utf-8")

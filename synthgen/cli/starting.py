"""The commands to start with: a spec to edit, and the models that people use."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from synthgen.cli.answer import Answer
from synthgen.cli.command import command
from synthgen.errors import UsageError
from synthgen.files import create_file, write_file
from synthgen.local_names import check_name_is_text

if TYPE_CHECKING:
    from synthgen.presets import Preset

_WIDTH = 80


def _complete(incomplete: str) -> list[str]:
    """List the presets whose names begin with the typed text."""
    from synthgen.presets import PRESETS

    return [name for name in PRESETS if name.startswith(incomplete)]


@command
def init(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write the spec.")] = Path("spec.yaml"),
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="NAME",
            autocompletion=_complete,
            help="Start from a model that people use; `synthgen models` lists them. Default: the bundled one.",
        ),
    ] = None,
) -> Answer:
    """Write a commented starter spec. The JSON Schema that editors use to check it is written beside it."""
    from synthgen.presets import find_preset, spec_of_preset
    from synthgen.spec import json_schema, starter_spec

    preset = None if model is None else find_preset(model)

    check_name_is_text(file)
    schema = file.with_name("synthgen.schema.json")
    name = "".join(c if c.isalnum() and c.isascii() else "-" for c in file.stem.lower()).strip("-") or "dataset"
    if os.path.lexists(schema) and not _is_schema(schema):
        raise UsageError(f"{schema} exists already, and is not a schema of synthgen", hint="Move it away first.")
    if preset is None:
        text = starter_spec(name, file=str(file), schema=schema.name)
    else:
        text = spec_of_preset(preset, name=name, file=str(file), schema=schema.name)
    if not create_file(file, text.encode()):
        raise UsageError(f"{file} exists already", hint="Choose another name, or remove it first.")
    write_file(schema, (json.dumps(json_schema(), indent=2) + "\n").encode())

    lines = [f"wrote {file} and {schema}", f"next: synthgen validate {file}"]
    return Answer(result={"spec": str(file), "schema": str(schema)}, lines=lines)


@command
def models(
    model: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", autocompletion=_complete, help="Show all that is known of one, with sources."),
    ] = None,
) -> Answer:
    """List models that people use: memory, speed, licence. `synthgen init --model NAME` starts a spec from one."""
    from synthgen.presets import PRESETS, find_preset

    if model is not None:
        preset = find_preset(model)
        return Answer(result={"models": [_facts(preset)]}, lines=[*_whole(preset)], is_printing=True)
    found = list(PRESETS.values())
    return Answer(result={"models": [*map(_facts, found)]}, lines=[*_table(found)], is_printing=True)


def _facts(preset: "Preset") -> dict[str, object]:
    """Return what is known of a preset, as JSON types."""
    licence = preset.licence
    return {
        "name": preset.name,
        "title": preset.title,
        "hub_id": preset.hub_id,
        "pipeline": preset.pipeline,
        "tasks": list(preset.tasks),
        "model": dict(preset.model),
        "weights": {"denoiser": preset.denoiser, "encoders": preset.encoders, "decoder": preset.decoder},
        "bytes": preset.weights,
        "bytes_without_encoders": preset.weights_without_encoders,
        "speed": preset.speed.value,
        "work": round(preset.work, 3),
        "licence": licence.name,
        "licence_url": licence.url,
        "may_train": licence.may_train,
        "may_train_commercially": licence.commercial.value,
        "may_train_non_commercially": licence.non_commercial.value,
        "may_train_reason": licence.reason,
        "gated": preset.is_gated,
        "remarks": list(preset.remarks),
        "sources": [{"facts": one.facts, "url": one.url, "date": one.date} for one in preset.sources],
    }


_LICENCE = 24
"""Characters of a licence in a line of 80."""


def _table(presets: "list[Preset]") -> Iterator[str]:
    from synthgen.presets import SPEED_LIMITS

    yield "name                     GB   GB*  speed    may train  licence"
    for preset in presets:
        whole, rest = (f"{size / 1e9:5.1f}" for size in (preset.weights, preset.weights_without_encoders))
        licence = preset.licence
        named = licence.id if len(licence.id) <= _LICENCE else f"{licence.id[: _LICENCE - 2]}.."
        yield f"{preset.name:<21}{whole:>6} {rest:>5}  {preset.speed:<8} {licence.commercial:<9}  {named}"
        yield f"  {preset.hub_id}"
    limits = ", ".join(f"{kind} below {limit:g}" for kind, limit in SPEED_LIMITS.items())
    yield ""
    yield "All make images from text. GB: weights in 16 bits; GB*: without text encoders."
    yield "speed: billions of weights read for one image:"
    yield f"  {limits}"
    yield "may train: whether a model that makes money may be trained on the pictures,"
    yield "  by the licence; some say yes of others: synthgen models NAME"
    yield "All that is known of one, with reasons and sources: synthgen models NAME"


def _whole(preset: "Preset") -> Iterator[str]:
    from textwrap import wrap

    from synthgen.presets.written import described, size_of
    from synthgen.spec.written import as_yaml

    def put(label: str, text: str, indent: int = 12) -> Iterator[str]:
        lines = wrap(text, _WIDTH - indent, break_long_words=False, break_on_hyphens=False)
        yield from (f"{label if not at else '':<{indent}}{line}" for at, line in enumerate(lines))

    licence, gated = preset.licence, {True: "yes", False: "no", None: "not known"}[preset.is_gated]
    guided = "each twice, for guidance" if preset.is_guided else "once each"
    yield f"{preset.name}: {preset.title}"
    yield from put("hub id", preset.hub_id)
    yield from put("pipeline", f"{preset.pipeline}, for {', '.join(preset.tasks)}")
    memory = f"{size_of(preset)} of weights in 16 bits, {size_of(preset, encoders=False)} without the text encoders"
    yield from put("memory", memory)
    yield from put("speed", f"{preset.speed}: {preset.steps} steps, {guided}; {preset.work:,.0f} billion weights read")
    yield from put("licence", f"{licence.name}: {licence.url}")
    yield from put("may train", f"{licence.may_train}: {licence.reason}.")
    yield from put("gated", gated)
    for remark in preset.remarks:
        yield from put("note", remark)
    yield "model"
    yield from (f"  {line}" for line in as_yaml(preset.model).splitlines())
    yield from ["why"] if preset.comments else []
    for key, comment in preset.comments.items():
        yield from put(f"  {key}", comment, 21)
    for at, source in enumerate(preset.sources):
        yield from put("" if at else "sources", described(source))
    yield f"start with: synthgen init --model {preset.name}"


def _is_schema(file: Path) -> bool:
    """Whether `init` wrote the file, perhaps in an earlier version."""
    try:
        found = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(found, dict) and found.get("title") == "synthgen spec"

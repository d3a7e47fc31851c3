"""What a plan will cost, from what earlier runs and previews measured. Loads no model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from math import ceil, sqrt

from synthgen import bundled
from synthgen.api.arguments import check_plan
from synthgen.api.dividing import split_sizes, split_warnings
from synthgen.api.long_texts import PromptLength, TextLengthError, texts_here
from synthgen.api.measured import Passes, Speed, read_passes, read_speeds, this_machine
from synthgen.api.recorded_model import recorded
from synthgen.api.text_notes import notes_of
from synthgen.families import own_size
from synthgen.models.parts import unpinned
from synthgen.planning import Plan, column_texts
from synthgen.presets import Preset, preset_of
from synthgen.spec import BUNDLED_MODEL, PLUGIN, Spec, enlarged, final_sizes, mean_steps, sizes_of
from synthgen.spec.format_notes import format_notes_of

ASSUMED = 0.8
"""The share of attempts taken to pass before any was measured."""
_ENOUGH = 20
"""A share or a speed of fewer images is called a rough one. A class with fewer takes the share of all classes."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a plan will cost, roughly, and what that is known from.

    Attributes:
        attempts: expected number.
        attempts_range: what the 95 % interval of the measured pass rate makes of it; None where the rate is assumed.
        budget: number of attempts after which every cell gives up; no forecast is above it.
        passed, tried: how many of how many earlier attempts under the same conditions passed the filters; (0, 0) if
            none was measured, and 80 % are assumed to.
        seconds: expected work of one worker, without loading the models; None if the speed is unknown.
        bytes: disk space, including the finished dataset; None if the size of the images is unknown.
        surplus_bytes: how much of it kept surplus images take (`output.surplus: keep`); None as `bytes`.
        size: width and height of the images, of several the largest; None if it is the model's own, and not known here
            yet.
        licence: of the model's weights, as far as known.
        basis: where `attempts`, `seconds` and `bytes` come from, in words.
        splits: expected images by class and split, if every quota is met.
        warnings: splits that will be empty, or will lack classes; prompts too long for a CLIP text encoder.
        tokens: of the longest prompt, for each text encoder, as far as the model's files or a preset tell.
        weights, weights_without_encoders: bytes that a preset's weights take on the device, with the text encoders and
            without; None for other models.

    Example:
        >>> found = synthgen.forecast(synthgen.plan("specs/quickstart.yaml"))
        >>> found.splits
        {'doctor': {'train': 4, 'test': 0}, 'chef': {'train': 3, 'test': 1}}
        >>> found.warnings
        ("the split 'test' will lack 1 of 2 classes, such as 'doctor': too few images of them",)
    """

    attempts: int
    attempts_range: tuple[int, int] | None
    budget: int
    passed: int
    tried: int
    seconds: float | None
    bytes: int | None
    surplus_bytes: int | None
    size: tuple[int, int] | None
    licence: str
    basis: Mapping[str, str]
    splits: Mapping[str, Mapping[str, int]]
    warnings: tuple[str, ...]
    tokens: tuple[PromptLength, ...] = ()
    weights: int | None = None
    weights_without_encoders: int | None = None

    def __repr__(self) -> str:
        time = "time unknown" if self.seconds is None else f"{self.seconds:,.0f} s"
        disk = "disk unknown" if self.bytes is None else f"{self.bytes / 1e6:,.1f} MB"
        return f"<Forecast about {self.attempts:,} attempts, {time}, {disk}>"


def forecast(planned: Plan) -> Forecast:
    """Estimate attempts, time, disk and the sizes of the splits.

    The more a model was used on this machine, the better: `preview` and every finished shard note what images took and
    how many passed, in the user's cache. `Forecast.basis` says what was measured and what is assumed.

    Raises:
        UsageError: `planned` is not a plan, or prompts are longer than what reads them.

    Example:
        >>> found = synthgen.forecast(synthgen.plan("specs/quickstart.yaml"))
        >>> found.basis["bytes"]
        "images of 64 x 64 pixels, the model's own size"
    """
    check_plan(planned)
    spec, speed = planned.spec, _best_speed(planned)
    passes = read_passes(planned)
    tried, passed = passes.of() if passes else (0, 0)
    budget = sum(cell.quota for cell in planned.cells) * spec.budget.attempts_per_image

    def attempts(rate: Callable[[int, int], float]) -> int:
        return min(_attempts(planned, passes, rate), budget)

    expected, seconds = attempts(_share), None
    if speed is not None:
        seconds = expected * speed.per_image * mean_steps(spec.model) / speed.steps
    size = _size(planned)
    png = None if size is None else _png(final_sizes(sizes_of(spec.model), spec.then) or {size: 1.0})
    surplus = _surplus(planned, expected, _share(tried, passed), png)
    splits, texts, preset = split_sizes(spec), texts_here(spec, partial(column_texts, planned)), preset_of(spec.model)
    if texts is not None and texts.findings:  # with what columns say, they are known only now
        raise TextLengthError(texts.findings)
    wide = 2 if spec.model.dtype == "float32" else 1  # presets count 16 bits
    copies = 1 + len(spec.output.formats)  # images are in the shards, and in each format of the dataset
    return Forecast(
        attempts=expected,
        attempts_range=(attempts(lambda *counts: _wilson(*counts)[1]), attempts(lambda *counts: _wilson(*counts)[0]))
        if tried
        else None,
        budget=budget,
        passed=passed,
        tried=tried,
        seconds=seconds,
        bytes=int(copies * spec.total * (png + 1000) + expected * 4000) + (surplus or 0) if png else None,
        surplus_bytes=surplus,
        size=size,
        licence=_licence(spec, preset),
        basis={
            "attempts": _basis_of_attempts(passes, tried, passed),
            "seconds": _basis_of_seconds(speed, mean_steps(spec.model)),
            "bytes": _basis_of_bytes(spec, size),
        },
        splits=splits,
        warnings=(
            *split_warnings(splits, spec),
            *format_notes_of(spec),
            *notes_of(spec, texts, planned.revisions.judge),
        ),
        tokens=texts.lengths if texts else (),
        weights=preset.weights * wide if preset else None,
        weights_without_encoders=preset.weights_without_encoders * wide if preset else None,
    )


def _licence(spec: Spec, preset: Preset | None) -> str:
    if spec.model.id == BUNDLED_MODEL:
        return "apache-2.0"
    return str(preset.licence) if preset else "see the model's card"


def _best_speed(planned: Plan) -> Speed | None:
    """Choose the measurement nearest to a plan: of this machine, these steps and this batch size, the newest."""
    model, here = planned.spec.model, this_machine()
    speeds = [speed for speed in read_speeds(planned) if model.dtype in ("auto", speed.dtype)]

    def nearness(place: int) -> tuple[bool, bool, bool, int]:
        speed = speeds[place]
        batch = model.batch_size == "auto" or str(model.batch_size) == speed.batch_size
        return speed.machine == here, speed.steps == mean_steps(model), batch, place

    return speeds[max(range(len(speeds)), key=nearness)] if speeds else None


def _attempts(planned: Plan, passes: Passes | None, rate: Callable[[int, int], float]) -> int:
    """Count the attempts that the quotas take at these rates, a whole number in each shard."""
    quotas = Counter[str]()
    for cell in planned.cells:
        quotas[cell.class_name] += cell.quota
    per_image, needed = planned.spec.budget.attempts_per_image, 0.0
    for name, quota in quotas.items():
        counts = passes.of(name) if passes else (0, 0)
        if passes and counts[0] < _ENOUGH:
            counts = passes.of()
        share = rate(*counts)
        needed += min(quota / share, quota * per_image) if share > 0 else quota * per_image
    return ceil(needed / planned.shard_count - 1e-9) * planned.shard_count


def _png(sizes: Mapping[tuple[int, int], float]) -> float:
    """Estimate the bytes of a PNG, of sizes with their shares: about half of 3 for each pixel."""
    return sum(wide * high * share for (wide, high), share in sizes.items()) * 1.5


def _surplus(planned: Plan, attempts: int, share: float, png: float | None) -> int | None:
    """Estimate what kept surplus images take: attempts beyond those that the quotas need, as far as they pass."""
    if planned.spec.output.surplus != "keep":
        return 0
    return None if png is None else int(max(attempts * share - planned.spec.total, 0) * (png + 1100))


def _share(tried: int, passed: int) -> float:
    return passed / tried if tried else ASSUMED


def _wilson(tried: int, passed: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval. `synthgen.stats` has it too, but imports pandas, and `plan` answers at once."""
    if not tried:
        return ASSUMED, ASSUMED
    z, share = 1.959964, passed / tried
    middle, spread = share + z * z / (2 * tried), z * sqrt(share * (1 - share) / tried + z * z / (4 * tried * tried))
    return max(0.0, (middle - spread) / (1 + z * z / tried)), min(1.0, (middle + spread) / (1 + z * z / tried))


def _basis_of_attempts(passes: Passes | None, tried: int, passed: int) -> str:
    if passes is None or not tried:
        return f"assumes a pass rate of {ASSUMED:.0%}; none was measured yet"
    return f"measured in {_runs(passes.runs)}: {passed:,} of {tried:,} attempts passed the filters{_rough(tried)}"


def _basis_of_seconds(speed: Speed | None, steps: float) -> str:
    if speed is None:
        return "unknown: no preview or run of this model at this size yet"
    place = "on this machine" if speed.machine == this_machine() else "on another machine"
    scaled = "" if speed.steps == steps else f", at {speed.steps:g} steps, scaled to {steps:g}"
    images = f"{speed.images:,} image{'s' if speed.images != 1 else ''}"
    return f"measured in {_runs(speed.runs)} {place} ({speed.device}), {images}{scaled}{_rough(speed.images)}"


def _basis_of_bytes(spec: Spec, size: tuple[int, int] | None) -> str:
    if size is None:
        return "unknown: the size of the model's images is not in the cache yet"
    if len(sizes := sizes_of(spec.model)) > 1:
        return f"images of {len(sizes)} sizes, the largest of {size[0]} x {size[1]} pixels"
    own = "" if sizes else ", the model's own size"
    if any(then.grows > 1 for then in spec.then):
        own = ", after the last stage"
    return f"images of {size[0]} x {size[1]} pixels{own}"


def _runs(number: int) -> str:
    return f"{number:,} earlier runs or previews" if number != 1 else "one earlier run or preview"


def _rough(images: int) -> str:
    return "; a rough figure" if images < _ENOUGH else ""


def _size(planned: Plan) -> tuple[int, int] | None:
    """Return width and height of the largest images, after the last stage."""
    first = _first_size(planned)
    return None if first is None else enlarged(first, planned.spec.then)


def _first_size(planned: Plan) -> tuple[int, int] | None:
    model, revision = planned.spec.model, planned.revisions.generator
    if sizes := sizes_of(model):
        return max(sizes, key=lambda sides: sides[0] * sides[1])
    if model.id.startswith(PLUGIN):  # only the plug-in knows
        return None
    source = unpinned(model, own=bundled.GENERATOR if model.id == BUNDLED_MODEL else None)
    if source is not None:
        pinned = source if source.is_folder or source.checkpoint else replace(source, revision=revision)
        if here := own_size(pinned):
            return here
    preset = recorded(planned.spec)
    return own_size(preset) if preset else None

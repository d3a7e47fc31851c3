"""What earlier runs and previews took and what passed their filters, kept in the user's cache for forecasts.

One small JSON file for each combination, in `synthgen/forecasts` below `XDG_CACHE_HOME` or `~/.cache`. Deleting the
folder loses nothing but the forecasts' grounds. `SYNTHGEN_FORECASTS=0` keeps it from being read and written.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from synthgen.errors import StorageError
from synthgen.files import write_file
from synthgen.models.user_cache import user_cache
from synthgen.planning import Plan
from synthgen.spec import mean_steps, sizes_of, stage_name

_FORMAT = 1
_MOST_FILES = 500
_MOST_BYTES = 1 << 18
_MOST_CLASSES = 2000
"""Of more classes, only the sum is kept."""
_PATIENCE = 10.0
"""Seconds. A note is written in milliseconds."""
_FASTER = {"quantization": None, "offload": "auto", "attention": "auto", "compile": "off", "cache": None}
"""Keys of `model` that decide how long a step takes, with their defaults."""
_ALL = ""
"""Stands for all classes together. A class has a name."""

_Steps = Annotated[int, Field(ge=1, le=10**6)] | Annotated[float, Field(ge=1, le=10**6, allow_inf_nan=False)]
_Number = Annotated[int, Field(ge=0, le=10**15)]


@dataclass(frozen=True, slots=True)
class Speed:
    """What images took with one model, in one size and setting, on one device.

    Attributes:
        model: its id; empty for a folder, of which the content counts.
        size: `512x768`, or `own` for the model's own size; of several, each with its share.
        steps: of images that draw them, the mean; and settings that change the speed, if there are any.
        machine: see `this_machine`; empty where it is unknown, as on a cluster.
        runs: how many runs and previews measured it.
        images: how many images they rendered and judged.
        seconds: of work, of one worker, without loading the models.
    """

    model: str
    revision: str
    size: str
    steps: _Steps
    batch_size: str
    dtype: str
    device: str
    machine: str
    runs: Annotated[int, Field(ge=1)]
    images: Annotated[int, Field(ge=1)]
    seconds: Annotated[float, Field(gt=0, le=1e12, allow_inf_nan=False)]

    @property
    def per_image(self) -> float:
        return self.seconds / self.images


@dataclass(frozen=True, slots=True)
class Passes:
    """How many attempts passed the filters, under one set of prompts, filters and models.

    Attributes:
        conditions: see `conditions_of`.
        classes: attempts and, of them, those that passed, by class; the key "" holds all classes together.
    """

    conditions: str
    runs: Annotated[int, Field(ge=1)]
    classes: Mapping[str, tuple[_Number, _Number]]

    def of(self, name: str = _ALL) -> tuple[int, int]:
        """Return attempts and passed, of a class or of all."""
        return self.classes.get(name, (0, 0))


_SPEED, _PASSES = TypeAdapter(Speed), TypeAdapter(Passes)
T = TypeVar("T", Speed, Passes)


def this_machine() -> str:
    """Name this machine without giving its name away."""
    return sha256(f"{platform.node()}/{platform.machine()}".encode()).hexdigest()[:12]


def size_of(planned: Plan) -> str:
    """Name the size of a plan's images, with the settings that make them faster or slower."""
    sizes, asked = sizes_of(planned.spec.model), planned.spec.model.model_dump(mode="json", include=set(_FASTER))
    size = next((f"{wide}x{high}" for wide, high in sizes), "own")
    if len(sizes) > 1:
        size = " ".join(f"{wide}x{high}:{share:.3g}" for (wide, high), share in sorted(sizes.items()))
    faster = [f"{key} {asked[key]}" for key, default in _FASTER.items() if asked[key] != default]
    if planned.spec.source is not None:  # a part of the steps is made
        faster.append(planned.spec.task if planned.spec.model.strength else f"{planned.spec.task} by default")
    if planned.spec.then:  # which takes time of its own, whatever the steps of the first stage
        own = [
            then.described(planned.revisions.components.get(stage_name(n), ""))
            for n, then in enumerate(planned.spec.then)
        ]
        faster += [f"{mean_steps(planned.spec.model)} steps", *(f"then {each}" for each in own)]
    return ", ".join([size, *faster])


def conditions_of(planned: Plan) -> str:
    """Fingerprint all that decides which attempts pass. Counts, seed, splits and speed do not."""
    spec = planned.spec.canonical()
    kept = {key: value for key, value in spec.items() if key not in ("name", "seed", "output", "gates", "budget")}
    kept["classes"] = {name: {**kind, "count": None} for name, kind in spec["classes"].items()}
    model = {key: value for key, value in spec["model"].items() if key not in ("offload", "vae_slicing", "compile")}
    kept["model"] = {**model, "batch_size": None, "dtype": None}
    facts = [kept, planned.revisions.generator, planned.revisions.judge, dict(planned.revisions.plugins)]
    return sha256(json.dumps(facts).encode()).hexdigest()


def read_speeds(planned: Plan) -> list[Speed]:
    """Read the speeds of a plan's model in its size, the newest last. What is damaged does not count."""
    model, revision, size = planned.spec.model.id, planned.revisions.generator, size_of(planned)
    folder = _folder()
    with suppress(OSError):
        files = sorted(folder.glob(f"{_of_model(model, revision)}-*.json"), key=_age) if folder else []
        found = [speed for file in files if (speed := _read(file, _SPEED)) and _path(folder, speed) == file]
        return [speed for speed in found if (speed.revision, speed.size) == (revision, size)]
    return []


def read_passes(planned: Plan) -> Passes | None:
    """Read what passed under a plan's conditions; None if nothing was measured, or the file is damaged."""
    folder, empty = _folder(), Passes(conditions_of(planned), 1, {})
    found = _read(_path(folder, empty), _PASSES) if folder else None
    return found if found and found.conditions == empty.conditions else None


def keep_speed(speed: Speed) -> None:
    """Add a measurement to those before it. Where the cache cannot be written, it is lost."""
    if (folder := _folder()) is None or speed.images < 1 or not speed.seconds > 0:
        return
    with _alone(folder):
        if before := _read(path := _path(folder, speed), _SPEED):
            runs, images = before.runs + speed.runs, before.images + speed.images
            speed = replace(speed, runs=runs, images=images, seconds=before.seconds + speed.seconds)
        _write(path, speed)


def keep_passes(planned: Plan, classes: Mapping[str, tuple[int, int]]) -> None:
    """Add the attempts and passed attempts of one run or preview, by class, to those before."""
    if (folder := _folder()) is None or not any(attempts for attempts, _ in classes.values()):
        return
    new = Passes(conditions_of(planned), 1, {**classes, _ALL: _sum(classes.values())})
    with _alone(folder):
        before = _read(path := _path(folder, new), _PASSES)
        if before is not None and before.conditions == new.conditions:
            names = dict.fromkeys([*before.classes, *new.classes])
            total = {name: _sum([before.of(name), new.of(name)]) for name in names}
            new = Passes(new.conditions, before.runs + 1, total)
        if len(new.classes) > _MOST_CLASSES:
            new = replace(new, classes={_ALL: new.of()})
        _write(path, new)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other processes from adding to a note between reading and writing it.

    The lock is a file beside the folder. Where it cannot be had, go on without: a note that is lost does less harm than
    a run that waits.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(folder.with_name(f"{folder.name}.lock"), timeout=_PATIENCE)
    with suppress(OSError, NotImplementedError, Timeout):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _sum(counts: Iterable[tuple[int, int]]) -> tuple[int, int]:
    pairs = list(counts)
    return sum(attempts for attempts, _ in pairs), sum(passed for _, passed in pairs)


def _folder() -> Path | None:
    return None if os.environ.get("SYNTHGEN_FORECASTS", "1").strip() == "0" else user_cache("forecasts")


def _of_model(model: str, revision: str) -> str:
    # A folder may be moved: its content alone counts.
    name = revision if revision.startswith("content:") else f"{model}@{revision}"
    return f"speed-{sha256(name.encode()).hexdigest()[:16]}"


def _path(folder: Path | None, value: Speed | Passes) -> Path:
    assert folder is not None
    if isinstance(value, Passes):
        return folder / f"passes-{value.conditions[:32]}.json"
    facts = (value.size, value.steps, value.batch_size, value.dtype, value.device, value.machine)
    return folder / f"{_of_model(value.model, value.revision)}-{sha256(repr(facts).encode()).hexdigest()[:16]}.json"


def _read(path: Path, kind: TypeAdapter[T]) -> T | None:
    try:
        if not path.is_file() or path.stat().st_size > _MOST_BYTES:
            return None
        content = json.loads(path.read_bytes())
        return kind.validate_python(content.pop("value")) if content.pop("format") == _FORMAT else None
    except (OSError, ValueError, ValidationError, LookupError, TypeError, AttributeError, RecursionError):
        return None


def _write(path: Path, value: Speed | Passes) -> None:
    with suppress(StorageError, OSError):
        write_file(path, json.dumps({"format": _FORMAT, "value": asdict(value)}, ensure_ascii=False).encode())
        for old in sorted(_files(path.parent), key=_age)[:-_MOST_FILES]:
            old.unlink(missing_ok=True)


def _files(folder: Path) -> Iterator[Path]:
    yield from folder.glob("speed-*.json")
    yield from folder.glob("passes-*.json")


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # another process removed it
        return 0.0

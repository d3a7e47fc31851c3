"""What can be known of a spec's models before anything is made: from the files here, without network and weights."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from synthgen import models
from synthgen.api.dividing import HINT as DIVIDING
from synthgen.api.dividing import empty_splits, undividable
from synthgen.api.fitness import placed, unfit
from synthgen.api.licensing import check_licences
from synthgen.api.long_texts import HINT
from synthgen.api.sources import check_kept_names
from synthgen.api.text_notes import long_judge_texts
from synthgen.errors import ModelError, SynthgenError, UsageError, first_line
from synthgen.files import expanded
from synthgen.models.checkpoint import checkpoint_shapes
from synthgen.models.parts import is_checkpoint
from synthgen.spec import BUNDLED_JUDGE, BUNDLED_MODEL, PLUGIN, Spec, Violation

_LOCAL, _HUB = "local-dir:", "hf-hub:"


def unusable(spec: Spec) -> Iterator[tuple[Violation, str]]:
    """Find each model of a spec that cannot be opened, with its place in the spec and what to do about it.

    A model on the hub is only looked up when a run is planned, and so is the licence that its card names.
    """
    missing = set[str]()
    for key, error in _errors(spec):
        missing.add(key)
        message = error.message.replace(":\n", ": ").replace("\n", "; ")
        yield Violation((key, "id"), message), error.hint or ""
    if "model" not in missing:
        yield from unfit(spec)
    try:
        check_kept_names(spec)
    except UsageError as error:
        yield from placed(error, spec)
    yield from empty_splits(spec)
    yield from ((finding, DIVIDING) for finding in undividable(spec))
    try:
        check_licences(spec, ask=False)
    except UsageError as error:
        for key, _, why in (line.partition(": ") for line in error.message.splitlines()):
            yield Violation((key,), why), error.hint or ""
    if "judge" not in missing:
        yield from ((finding, HINT) for finding in long_judge_texts(spec))


def check_models(spec: Spec) -> None:
    """Check that the models of a spec can be opened, as far as `unusable` knows.

    Raises:
        ModelError: one does not exist.
        UsageError: the files of one ask for what a model may not.
    """
    for _, error in _errors(spec):
        raise error


def _errors(spec: Spec) -> Iterator[tuple[str, SynthgenError]]:
    for key, name, check in (("model", spec.model.id, _check_model), ("judge", spec.judge.id, _check_judge)):
        try:
            check(name)
        except SynthgenError as error:
            yield key, error


def check_workers(executor: str, devices: str, address: str | None) -> None:
    """Check, before a run begins, that what would make it is here: GPUs that are named, Ray, and its cluster.

    Raises:
        DeviceError: a GPU is missing, or no cluster answers.
        UsageError: Ray is not installed.
    """
    from synthgen import running as runs
    from synthgen.api import wiring

    if executor == "ray":
        runs.check_ray(devices, address)
    elif devices not in ("auto", "cpu"):
        runs.slots(devices, wiring.count_gpus)


def _check_model(name: str) -> None:
    if name == BUNDLED_MODEL or name.startswith(PLUGIN) or not models.is_folder(name):
        return
    if is_checkpoint(name):
        checkpoint_shapes(expanded(name))
        return
    _check_there(name, expanded(name), "model")
    models.check_pipeline(expanded(name))


def _check_judge(name: str) -> None:
    if name == BUNDLED_JUDGE or name.startswith(_HUB):
        return
    if name.startswith(_LOCAL):
        _check_judge_folder(name, Path(name.removeprefix(_LOCAL)))
        return

    from synthgen.judging.listed import is_listed, nearest

    if not is_listed(name):
        alike = ", ".join(nearest(name))
        hint = f"For a model on the hub, write {_HUB}{name}." if not name.startswith(".") else ""
        if name.startswith(".") or Path(name).is_dir():
            hint = f"For a folder, write {_LOCAL}{name}."
        raise ModelError(f"open_clip has no judge {name!r}; the nearest are {alike}", hint=hint)


def _check_judge_folder(name: str, folder: Path) -> None:
    from synthgen.models.judge_settings import check_folder

    _check_there(name, folder, "judge")
    try:
        check_folder(folder)
    except UsageError as error:
        raise UsageError(f"judge {name} is refused:\n{error.message}", hint=error.hint) from None
    except (OSError, ValueError) as error:
        hint = "Give the folder of a CLIP of open_clip, with open_clip_config.json and open_clip_model.safetensors."
        raise ModelError(f"{folder.absolute()} is not a judge: {first_line(error)}", hint=hint) from error


def _check_there(name: str, folder: Path, role: str) -> None:
    if folder.is_file():
        hint = "Give a folder of diffusers, or one .safetensors file: other formats are pickles, which can run code."
        hint = hint if role == "model" else "Give the folder of a CLIP of open_clip."
        raise ModelError(f"{folder.absolute()} is a file, and not the folder of a {role}", hint=hint)
    if not folder.is_dir():
        hint = f"Paths count from the folder of the spec. Check {role}.id."
        raise ModelError(f"the folder of {name} does not exist: {folder.absolute()}", hint=hint)

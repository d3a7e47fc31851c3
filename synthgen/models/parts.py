"""The components that a spec names, and the settings of a checkpoint in one file: found and pinned."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

from synthgen.bounded import near_name
from synthgen.errors import ModelError, SynthgenError, first_line
from synthgen.files import expanded
from synthgen.models.assembled import is_modular
from synthgen.models.checkpoint import without_settings
from synthgen.models.content import content_hash, file_hash
from synthgen.models.door import download_files
from synthgen.models.part_source import CheckpointFile, PartSource, http_error, read_hub
from synthgen.models.pipeline_files import check_pipeline_files
from synthgen.models.source import INDEXES, ModelSource, hub_failure, is_folder, locate
from synthgen.spec import ComponentSpec, ModelSpec

MODEL, CONFIG = "", "config"
"""What the revisions of the model itself and of its settings are called, beside those of components."""
_NONE: Mapping[str, ComponentSpec] = MappingProxyType({})
_SETTINGS = ("*.json", "*/*.json", "*/*.txt", "*/*.model", "*/*.jinja")
_OF_PART = ("*.json", "diffusion_pytorch_model*.safetensors", "model*.safetensors", "*.txt", "*.model", "*.jinja")


def source_of(
    model: ModelSpec,
    pinned: Mapping[str, str] | None,
    *,
    own: Path | None = None,
    controls: Sequence[ComponentSpec | None] = (),
    references: Mapping[str, ComponentSpec] = _NONE,
) -> ModelSource:
    """Find everything that a model is put together from, and pin it. Reads no weights.

    Args:
        pinned: revisions by name: `MODEL`, `CONFIG` and components; None to find them.
        own: the model's folder, for an id that is neither a path nor a hub id.
        controls: the models that lead it, in their order; None for a control without one.
        references: IP-Adapters and their image encoders, by the names that they go by.

    Raises:
        ModelError: something does not exist, or has changed since it was pinned.
        ModelUnavailable: the hub cannot be reached, and the cache lacks something.
        UsageError: files of a component ask for what they may not.
    """
    parts = tuple(
        _part(f"model.components.{name}", name, name, part, pinned) for name, part in model.components.items()
    )
    leading = tuple(_part(f"{name}.model", name, "controlnet", part, pinned) for name, part in named_controls(controls))
    shown = tuple(_part(_key(name), name, "image_encoder", part, pinned) for name, part in references.items())
    if not is_checkpoint(model.id):
        base = _base("id", model.id, model.revision, MODEL, pinned, own)
        return ModelSource(base.location, base.revision, parts=parts, controls=leading, references=shown)
    if model.config is None:
        raise without_settings(model.id, expanded(model.id))
    file = expanded(model.id)
    revision = _same("model.id", model.id, file_hash(file), pinned, MODEL)
    base = _base("config", model.config, model.revision, CONFIG, pinned, None)
    if pinned is None and not base.is_folder:
        with suppress(OSError, RuntimeError, ValueError):  # without them, less can be checked before the run
            download_files(base.location, base.revision, _SETTINGS)
    return ModelSource(base.location, base.revision, CheckpointFile(file, revision), parts, leading, shown)


def _key(name: str) -> str:
    """Return where the spec names an IP-Adapter or its image encoder."""
    return name if name.endswith(".encoder") else f"{name}.file"


def named_controls(controls: Sequence[ComponentSpec | None]) -> Iterator[tuple[str, ComponentSpec]]:
    """Yield the models that lead another one, each with the name that it goes by."""
    yield from ((f"control.{index}", part) for index, part in enumerate(controls) if part is not None)


def unpinned(
    model: ModelSpec,
    *,
    own: Path | None = None,
    controls: Sequence[ComponentSpec | None] = (),
    references: Mapping[str, ComponentSpec] = _NONE,
) -> ModelSource | None:
    """Return what a model is put together from, as far as it is on this machine; None for a file without settings.

    Nothing is downloaded, hashed or checked.
    """
    parts = tuple(_unpinned(name, name, part) for name, part in model.components.items())
    leading = tuple(_unpinned(name, "controlnet", part) for name, part in named_controls(controls))
    shown = tuple(_unpinned(name, "image_encoder", part) for name, part in references.items())
    place, file = (own and str(own)) or model.id, None
    if is_checkpoint(model.id):
        if model.config is None:
            return None
        place, file = model.config, CheckpointFile(expanded(model.id), "content:")
    if own or is_folder(place):
        return ModelSource(str(expanded(place)), "content:", file, parts, leading, shown)
    return ModelSource(place, model.revision or "main", file, parts, leading, shown)


def _unpinned(name: str, within: str, part: ComponentSpec) -> PartSource:
    local = expanded(part.id)
    whole = not part.is_hub and any((local / index).is_file() for index in INDEXES)
    inside = part.file or part.subfolder or (within if whole else "")
    return PartSource(name, part.id, part.revision or "main" if part.is_hub else "content:", inside)


def is_checkpoint(model_id: str) -> bool:
    """Whether a model's name is a file with the weights of a whole pipeline."""
    return is_folder(model_id) and model_id.endswith(".safetensors")


def revisions_of(source: ModelSource) -> tuple[str, dict[str, str]]:
    """Return the revision of the model itself, and those of its settings and components, by name."""
    named = {part.name: part.revision for part in (*source.parts, *source.controls, *source.references)}
    if source.checkpoint is None:
        return source.revision, named
    return source.checkpoint.revision, {CONFIG: source.revision, **named}


def _base(
    key: str, place: str, revision: str | None, name: str, pinned: Mapping[str, str] | None, own: Path | None
) -> ModelSource:
    if pinned is not None and own is None and not is_folder(place):
        return ModelSource(place, pinned.get(name, ""))
    try:
        found = locate(place, revision, folder=own)
    except SynthgenError as error:
        if key == "id":
            raise
        raise type(error)(f"model.{key}: {error.message}", hint=error.hint) from error
    _same(f"model {place}" if key == "id" else f"model.{key}", place, found.revision, pinned, name)
    return found


def _part(key: str, name: str, within: str, part: ComponentSpec, pinned: Mapping[str, str] | None) -> PartSource:
    """Find a component, and pin it.

    Args:
        key: where the spec names it.
        within: the folder that has it in a whole pipeline.
    """
    try:
        found = _hub_part if part.is_hub else _local_part
        return found(name, within, part, pinned)
    except SynthgenError as error:
        raise type(error)(f"{key}: {error.message}".removeprefix(f"{key}: {key}: "), hint=error.hint) from error


def _local_part(name: str, within: str, part: ComponentSpec, pinned: Mapping[str, str] | None) -> PartSource:
    place = expanded(part.id)
    if part.is_file:
        return PartSource(name, part.id, _same(name, part.id, file_hash(place), pinned, name))
    if not place.is_dir():
        raise ModelError(f"the folder {place} does not exist", hint="Paths count from the folder of the spec.")
    inside = part.subfolder or (within if any((place / index).is_file() for index in INDEXES) else "")
    if not (place / inside).is_dir():
        near = near_name(inside, [each.name for each in place.iterdir() if each.is_dir()])
        hint = f"Did you mean {near}?" if near else "Check its `subfolder`."
        raise ModelError(f"the folder {place} has no {inside}", hint=hint)
    check_pipeline_files(place / inside)
    revision = _same(name, part.id, content_hash(place / inside), pinned, name)
    return PartSource(name, part.id, revision, inside)


def _hub_part(name: str, within: str, part: ComponentSpec, pinned: Mapping[str, str] | None) -> PartSource:
    marks: tuple[str, ...] = ("config.json", f"{within}/config.json")
    if part.file or part.subfolder:
        marks = (part.file or f"{part.subfolder}/config.json",)
    commit = pinned.get(name, "") if pinned is not None else locate(part.id, part.revision, marks=marks).revision
    if part.file and pinned is None:
        _check_there(part.id, commit, part.file)
    if part.file or part.subfolder:
        return PartSource(name, part.id, commit, part.file or part.subfolder or "")
    whole = any(read_hub(part.id, commit, index) for index in INDEXES)
    return PartSource(name, part.id, commit, within if whole else "")


def _check_there(hub_id: str, commit: str, file: str) -> None:
    """Refuse a file that a repository does not have, as far as the hub answers.

    Raises:
        ModelError: there is no such file.
    """
    from huggingface_hub import HfApi, constants

    if constants.HF_HUB_OFFLINE:
        return
    try:
        there = HfApi().file_exists(hub_id, file, revision=commit)
    except (OSError, http_error()):
        return  # it is looked for again when it is downloaded
    if not there:
        raise ModelError(f"{hub_id} has no file {file}", hint="Check its `file`: the path inside the repository.")


def _same(what: str, place: str, here: str, pinned: Mapping[str, str] | None, name: str) -> str:
    """Check that a revision is the one that was pinned."""
    if pinned is not None and pinned.get(name) != here:
        what = what if what.startswith("model") else place
        raise ModelError(
            f"{what} is not the one that the run was planned with: {here} here, {pinned.get(name)} there",
            hint="Put the same weights there, or start a new run in another `location`.",
        )
    return here


def fetch_parts(source: ModelSource) -> None:
    """Download into the cache what a pipeline is put together from besides its own repository.

    Raises:
        ModelUnavailable: the hub cannot be reached.
        ModelError: the hub refuses, or has no such file.
    """
    others = (*source.parts, *source.controls, *source.references)
    wanted = [(part.location, part.revision, _patterns(part)) for part in others if not part.is_local]
    if source.checkpoint is not None and not source.is_folder:
        wanted.append((source.location, source.revision, _SETTINGS))
    elif not source.is_folder and is_modular(source):
        wanted.append((source.location, source.revision, (*_SETTINGS, *(f"*/{name}" for name in _OF_PART))))
    for place, revision, patterns in wanted:
        try:
            download_files(place, revision, patterns)
        except (OSError, RuntimeError, ValueError) as error:
            what = f"{place} cannot be downloaded: {first_line(error)}"
            raise hub_failure(error)(what, hint="Check its `id` and the network.") from error
    for part in others:
        if part.here is None or not part.here.exists():
            key = f"{part.name}.model" if part in source.controls else f"model.components.{part.name}"
            key = _key(part.name) if part in source.references else key
            raise ModelError(f"{key}: {part.location} has no {part.within or 'config.json'}")


def _patterns(part: PartSource) -> tuple[str, ...]:
    return (part.within,) if part.is_file else tuple(map(part.inside, _OF_PART))

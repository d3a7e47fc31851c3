"""Where a model comes from, pinned: a folder with a hash of its content, or a hub id with a commit."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from synthgen.bounded import read_object
from synthgen.errors import ModelError, ModelUnavailable
from synthgen.files import expanded
from synthgen.models.busy_hub import answered
from synthgen.models.content import OPEN_CLIP, content_hash
from synthgen.models.modular import as_pipeline
from synthgen.models.part_source import (
    CheckpointFile,
    JsonReader,
    PartSource,
    class_of,
    http_error,
    read_cache,
    read_hub,
    read_local,
)
from synthgen.models.remote_code import check_not_shadowed

INDEXES = ("model_index.json", "modular_model_index.json")
"""What a pipeline's folder has one of: a list of its parts."""
_MARKS = (*INDEXES, OPEN_CLIP, "config.json")
"""A cached model has at least one of these."""


@dataclass(frozen=True, slots=True)
class ModelSource:
    """A diffusers model that exists.

    Attributes:
        location: a folder, or a hub id; of a checkpoint in one file, where its settings are.
        revision: the commit of a hub id; for a folder, `content:` and a hash.
        checkpoint: the one file that has all weights; None where the location has them.
        parts: components that take the place of the location's own.
        controls: models that lead it, called `control.0` and so on.
        references: IP-Adapters, called `reference.0` and so on, and their image encoders, `reference.0.encoder`.
    """

    location: str
    revision: str
    checkpoint: CheckpointFile | None = None
    parts: tuple[PartSource, ...] = ()
    controls: tuple[PartSource, ...] = ()
    references: tuple[PartSource, ...] = ()

    @property
    def is_folder(self) -> bool:
        """Whether its settings are in a folder, and not on the hub."""
        return self.revision.startswith("content:")

    def read_json(self, name: str) -> Mapping[str, object]:
        """Read one of its JSON objects, such as `model_index.json`; empty if it has none, or it cannot be read."""
        return self._read(name, read_local if self.is_folder else read_hub)

    def read_cached(self, name: str) -> Mapping[str, object]:
        """Read one of its JSON objects as `read_json` does, but download nothing."""
        return self._read(name, read_local if self.is_folder else read_cache)

    def _read(self, name: str, read: JsonReader) -> Mapping[str, object]:
        if name == INDEXES[0]:
            return self._index(read)
        of, _, rest = name.partition("/")
        others = (*self.parts, *self.controls, *self.references)
        part = next((part for part in others if part.name == of and rest and not part.is_file), None)
        if part is not None:
            found = read_local if part.is_local else read_cache if read is read_cache else read_hub
            return found(part.location, part.revision, part.inside(rest))
        return read(self.location, self.revision, name)

    def _index(self, read: JsonReader) -> Mapping[str, object]:
        """List the parts of the pipeline, as it is put together."""
        index = dict(read(self.location, self.revision, INDEXES[0]))
        if "_class_name" not in index:
            index = as_pipeline(read(self.location, self.revision, INDEXES[1]))
        if self.checkpoint is not None:
            index["safety_checker"] = [None, None]  # no such file has one
        for part in self.parts:
            listed = index.get(part.name)
            if own := None if part.is_file else self._class_of(part, read, listed):
                index[part.name] = list(own)
        return index

    def _class_of(self, part: PartSource, read: JsonReader, listed: object) -> tuple[str, str] | None:
        """Return the library and the class of a component; None where the pipeline's own list says it."""
        if not part.name.startswith("tokenizer"):
            return class_of(self._read(f"{part.name}/config.json", read))
        if isinstance(listed, list) and listed and listed[0]:
            return None
        named = self._read(f"{part.name}/tokenizer_config.json", read).get("tokenizer_class")
        return ("transformers", named) if isinstance(named, str) else None

    def facts(self) -> dict[str, str]:
        """Return what the records of a run say of where everything came from."""
        named = {f"component.{part.name}": str(part) for part in self.parts}
        if self.checkpoint is None:
            return {"revision": self.revision, **named}
        return {"revision": self.checkpoint.revision, "config": f"{self.location} {self.revision}", **named}

    def own(self, name: str) -> Mapping[str, object]:
        """Read a JSON object of the location, whatever takes its place."""
        return (read_local if self.is_folder else read_hub)(self.location, self.revision, name)

    @property
    def folder(self) -> Path | None:
        """The folder of the location, or of the hub's cache; None if that has none."""
        return expanded(self.location) if self.is_folder else cached_folder(self)

    def cached_part(self, name: str) -> Path | None:
        """Return the folder of one of its parts, such as `tokenizer`; None if it is not here. Downloads nothing."""
        if other := next((part for part in self.parts if part.name == name), None):
            return None if other.is_file else other.here
        folder = self.folder
        return folder / name if folder and (folder / name).is_dir() else None


def locate(
    model_id: str, revision: str | None = None, *, folder: Path | None = None, marks: tuple[str, ...] = _MARKS
) -> ModelSource:
    """Find the model and pin it. Downloads nothing but, for a hub id, the name of its newest commit.

    Args:
        folder: the model's folder, for an id that is neither a path nor a hub id.
        marks: files of which a cached model has at least one.

    Raises:
        ModelError: there is no such model, or it is not a diffusers pipeline, or the hub may not be asked and the model
            is not in the cache.
        ModelUnavailable: the hub cannot be reached, and the model is not in the cache.
        UsageError: a folder has the name of the hub model.
    """
    if folder is None and is_folder(model_id):
        folder = expanded(model_id)
    if folder is None:
        check_not_shadowed(model_id)
        return ModelSource(model_id, _commit(model_id, revision, marks))
    if folder.is_dir():
        check_pipeline(folder)  # any other folder is not read: it may be the whole disk
    return ModelSource(str(folder), content_hash(folder))


def check_pipeline(folder: Path) -> None:
    """Check that a folder holds a diffusers pipeline, by its index.

    Raises:
        ModelError: it does not.
    """
    if not any("_class_name" in read_local(str(folder), "", index) for index in INDEXES):
        raise ModelError(
            f"{folder} is not a diffusers pipeline: it has no valid {INDEXES[0]}",
            hint="Give the folder that `pipeline.save_pretrained` wrote, not one of its parts.",
        )


def is_folder(model_id: str) -> bool:
    """Whether a model's name is a path, and not an id on the hub."""
    return model_id.startswith((".", "/", "~")) or ":" in model_id  # `C:\models`


def missing_parts(source: ModelSource) -> tuple[str, ...]:
    """Name the parts of a hub model that the cache lacks, as its `model_index.json` lists them."""
    snapshot = _snapshots(source.location) / source.revision
    try:
        parts = read_object(snapshot / "model_index.json")
    except (OSError, ValueError):
        return ("model_index.json",)
    named = [name for name, kind in parts.items() if isinstance(kind, list) and kind and kind[0] is not None]
    replaced = {part.name for part in source.parts}
    return tuple(name for name in named if not (snapshot / name).is_dir() and name not in replaced)


def lacks_parts(source: ModelSource) -> bool:
    """Whether the cache lacks parts of a hub model that the hub has. Waits while the hub is busy.

    Raises:
        ModelUnavailable: parts are missing, and the hub is busy for too long, or cannot be reached.
    """
    from huggingface_hub import HfApi, constants

    missing = missing_parts(source)
    if not missing or constants.HF_HUB_OFFLINE:
        return False
    try:
        info = answered(lambda: HfApi().model_info(source.location, revision=source.revision, timeout=20))
    except (OSError, http_error()) as error:
        what = f"model {source.location}: the hub sent no {', '.join(missing)}, and does not answer now"
        raise ModelUnavailable(f"{what} ({type(error).__name__})", hint="It may be busy. Try again later.") from error
    names = {file.rfilename.partition("/")[0] for file in info.siblings or ()}
    return any(name in names for name in missing)


def is_cached(model_id: str, commit: str) -> bool:
    """Whether a model from the hub is in the local cache at this commit, in part at least."""
    return commit in _cached_commits(model_id)


def cached_folder(source: ModelSource) -> Path | None:
    """Return the folder of a hub model in the local cache; None if it is not there."""
    from huggingface_hub import try_to_load_from_cache

    for index in INDEXES:
        if isinstance(found := try_to_load_from_cache(source.location, index, revision=source.revision), str):
            return Path(found).parent
    return None


def cached_file(model_id: str, name: str) -> Path | None:
    """Find a file of a hub model in the local cache: that of the branch `main`, or of the only commit that has it."""
    from huggingface_hub import try_to_load_from_cache

    if isinstance(found := try_to_load_from_cache(model_id, name), str):
        return Path(found)
    only = _cached_commits(model_id, (name,))  # a download by commit leaves no branch name in the cache
    return _snapshots(model_id) / only[0] / name if len(only) == 1 else None


def hub_failure(error: Exception) -> type[ModelError]:
    """Choose the class of error for a failed download: whether the network failed, or the hub refused it for good."""
    from huggingface_hub import constants, errors

    refused = isinstance(error, errors.RepositoryNotFoundError | errors.RevisionNotFoundError)
    network = isinstance(error, (OSError, http_error())) and not constants.HF_HUB_OFFLINE
    return ModelUnavailable if network and not refused else ModelError


def _cached_commits(model_id: str, marks: tuple[str, ...] = _MARKS) -> list[str]:
    places = snapshots.iterdir() if (snapshots := _snapshots(model_id)).is_dir() else ()
    return [path.name for path in places if any((path / mark).is_file() for mark in marks)]


def _snapshots(model_id: str) -> Path:
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name

    return Path(constants.HF_HUB_CACHE, repo_folder_name(repo_id=model_id, repo_type="model"), "snapshots")


def _newest(model_id: str, revision: str | None) -> str:
    """Ask the hub for a commit. Where it may not be asked, what would ask it is not imported."""
    from huggingface_hub import constants, errors, try_to_load_from_cache

    if constants.HF_HUB_OFFLINE:
        try_to_load_from_cache(model_id, _MARKS[0])  # it refuses what is no hub id
        raise errors.OfflineModeIsEnabled
    from huggingface_hub import HfApi

    commit = answered(lambda: HfApi().model_info(model_id, revision=revision, timeout=20).sha)
    assert commit is not None
    return commit


def _commit(model_id: str, revision: str | None, marks: tuple[str, ...]) -> str:
    from huggingface_hub import errors, try_to_load_from_cache

    kind: type[ModelError]
    try:
        return _newest(model_id, revision)
    except errors.HFValidationError as error:
        raise ModelError(f"{model_id!r} is not a valid hub id", hint="A hub id has the form 'owner/name'.") from error
    except errors.RevisionNotFoundError as error:
        raise ModelError(
            f"model {model_id} has no revision {revision!r} on the hub", hint="Check model.revision."
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise ModelError(
            f"there is no model {model_id} on the hub, or it is private",
            hint="Check model.id; for a gated or private model run `hf auth login` first.",
        ) from error
    except errors.OfflineModeIsEnabled:
        kind, why = ModelError, "HF_HUB_OFFLINE is set"
    except (http_error(), OSError) as error:
        kind, why = ModelUnavailable, f"the hub is not reachable ({type(error).__name__})"
    for mark in marks:
        cached = try_to_load_from_cache(model_id, mark, revision=revision)
        if isinstance(cached, str):
            return Path(cached).parent.name
    # A run downloads by commit, which leaves no branch name in the cache.
    if revision is None and len(only := _cached_commits(model_id, marks)) == 1:
        return only[0]
    wanted = f"model {model_id}" + (f" at revision {revision}" if revision else "")
    raise kind(
        f"{wanted} is not in the local cache, and {why}",
        hint="Download it once where there is a network: `hf download " + model_id + "`.",
    )

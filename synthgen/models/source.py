"""Where a model comes from, pinned: a folder with a hash of its content, or a hub id with a commit."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from synthgen.bounded import read_object
from synthgen.errors import ModelError, ModelUnavailable, UsageError
from synthgen.files import expanded
from synthgen.models.busy_hub import answered
from synthgen.models.remote_code import check_not_shadowed

_BLOCK, _BLOCKS = 1 << 16, 64
"""Bytes of a block, and how many evenly spread blocks of a larger file are hashed: 4 MiB."""
_OPEN_CLIP = "open_clip_config.json"
_MARKS = ("model_index.json", _OPEN_CLIP, "config.json")
"""A cached model has at least one of these."""


@dataclass(frozen=True, slots=True)
class ModelSource:
    """A diffusers model that exists.

    Attributes:
        location: a folder, or a hub id.
        revision: the commit of a hub id; for a folder, `content:` and a hash.
    """

    location: str
    revision: str

    @property
    def is_folder(self) -> bool:
        return self.revision.startswith("content:")

    def read_json(self, name: str) -> Mapping[str, object]:
        """Read one of its JSON objects, such as `model_index.json`; empty if it has none, or it cannot be read."""
        if self.is_folder:
            return self.read_cached(name)
        from huggingface_hub import hf_hub_download

        try:
            return read_object(Path(answered(lambda: hf_hub_download(self.location, name, revision=self.revision))))
        except (OSError, ValueError, _http_error()):
            return {}

    def read_cached(self, name: str) -> Mapping[str, object]:
        """Read one of its JSON objects as `read_json` does, but download nothing."""
        folder = expanded(self.location) if self.is_folder else cached_folder(self)
        try:
            return read_object(folder / name) if folder else {}
        except (OSError, ValueError):
            return {}

    def cached_part(self, name: str) -> Path | None:
        """Return the folder of one of its parts, such as `tokenizer`; None if it is not here. Downloads nothing."""
        folder = expanded(self.location) if self.is_folder else cached_folder(self)
        return part if folder and (part := folder / name).is_dir() else None


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
    try:
        content = read_object(folder / "model_index.json")
    except (OSError, ValueError):
        content = {}
    if "_class_name" not in content:
        modular = (folder / "modular_model_index.json").exists()
        why = "a modular one, which synthgen does not open" if modular else "it has no valid model_index.json"
        raise ModelError(
            f"{folder} is not a diffusers pipeline{' but ' if modular else ': '}{why}",
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
    return tuple(name for name in named if not (snapshot / name).is_dir())


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
    except (OSError, _http_error()) as error:
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

    found = try_to_load_from_cache(source.location, "model_index.json", revision=source.revision)
    return Path(found).parent if isinstance(found, str) else None


def hub_failure(error: Exception) -> type[ModelError]:
    """Choose the class of error for a failed download: whether the network failed, or the hub refused it for good."""
    from huggingface_hub import constants, errors

    refused = isinstance(error, errors.RepositoryNotFoundError | errors.RevisionNotFoundError)
    network = isinstance(error, (OSError, _http_error())) and not constants.HF_HUB_OFFLINE
    return ModelUnavailable if network and not refused else ModelError


def content_hash(folder: Path) -> str:
    """Hash a folder's file names, sizes and content, of large files a sample: quick for any model.

    Hidden files do not count: `hf download --local-dir` and file managers leave some, with dates in them. Links count:
    whoever opens the folder follows them too.

    Raises:
        ModelError: there is no such folder, or it cannot be read.
    """
    if not folder.is_dir():
        raise ModelError(f"model folder {folder} does not exist", hint="Check the spec's model.id and judge.id.")
    digest = hashlib.sha256()
    try:
        for name in sorted(path.relative_to(folder).as_posix() for path in files_of(folder) if path.is_file()):
            size = (folder / name).stat().st_size
            digest.update(f"{name}\0{size}\0".encode())
            digest.update(_sample(folder / name, size))
    except OSError as error:
        raise ModelError(f"model folder {folder} cannot be read: {error}", hint="Check its permissions.") from error
    return f"content:{digest.hexdigest()[:32]}"


def judge_hash(folder: Path) -> str:
    """Hash a judge's folder like `content_hash`; one that is no judge's is not read.

    Raises:
        ModelError: as `content_hash`, or it has no settings of open_clip.
    """
    if folder.is_dir() and not (folder / _OPEN_CLIP).is_file():
        hint = "Give the folder of a CLIP that open_clip can open: it holds that file, the weights and the tokenizer."
        raise ModelError(f"{folder} is not a judge: it has no {_OPEN_CLIP}", hint=hint)
    return content_hash(folder)


def check_regular(folder: Path) -> None:
    """Refuse a model's folder with anything that libraries would wait for, or read for ever.

    Raises:
        UsageError: something in it is neither a regular file nor a folder.
    """
    for path in files_of(folder):
        if path.exists() and not path.is_file():
            hint = "A model's folder holds files only: download it again."
            raise UsageError(f"{path} is not a regular file", hint=hint)


def files_of(folder: Path) -> Iterator[Path]:
    """Find everything in a folder that is neither hidden nor a folder itself, following links.

    Raises:
        OSError: a folder cannot be read, or contains itself by way of a link.
    """

    def fail(error: OSError) -> None:
        raise error

    for parent, folders, names in os.walk(folder, followlinks=True, onerror=fail):
        here = Path(parent)
        folders[:] = [name for name in folders if not name.startswith(".")]
        if loops := [name for name in folders if here.resolve().is_relative_to((here / name).resolve())]:
            raise OSError(f"{here / loops[0]} is a link to a folder that it lies in")
        yield from (here / name for name in names if not name.startswith("."))


def _sample(path: Path, size: int) -> bytes:
    """Read all of a small file; of a larger one, blocks from the first to the last byte."""
    with path.open("rb") as file:
        if size <= _BLOCK * _BLOCKS:
            return file.read()
        parts = []
        for index in range(_BLOCKS):
            file.seek((size - _BLOCK) * index // (_BLOCKS - 1))
            parts.append(file.read(_BLOCK))
    return b"".join(parts)


def _cached_commits(model_id: str, marks: tuple[str, ...] = _MARKS) -> list[str]:
    places = snapshots.iterdir() if (snapshots := _snapshots(model_id)).is_dir() else ()
    return [path.name for path in places if any((path / mark).is_file() for mark in marks)]


def _snapshots(model_id: str) -> Path:
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name

    return Path(constants.HF_HUB_CACHE, repo_folder_name(repo_id=model_id, repo_type="model"), "snapshots")


def _http_error() -> type[Exception]:
    """Give the base of the HTTP library's errors: a refused connection is not an OSError there.

    The library is httpx or httpx2, as huggingface_hub's version has it; this module has the base of either.
    """
    from huggingface_hub.errors import HTTPError  # type: ignore[attr-defined] # imported there, not made there

    base: type[Exception] = HTTPError
    return base


def _commit(model_id: str, revision: str | None, marks: tuple[str, ...]) -> str:
    from huggingface_hub import HfApi, errors, try_to_load_from_cache

    kind: type[ModelError]
    try:
        commit = answered(lambda: HfApi().model_info(model_id, revision=revision, timeout=20).sha)
        assert commit is not None
        return commit
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
    except (_http_error(), OSError) as error:
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

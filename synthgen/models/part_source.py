"""What a pipeline is put together from besides its own folder: one file with all weights, or other components."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from synthgen.bounded import read_object
from synthgen.files import expanded
from synthgen.models.busy_hub import answered

JsonReader = Callable[[str, str, str], Mapping[str, object]]
"""Reads a JSON object of a place at a revision; empty if there is none."""


@dataclass(frozen=True, slots=True)
class CheckpointFile:
    """A file that has the weights of a whole pipeline.

    Attributes:
        revision: `content:` and a hash.
    """

    path: Path
    revision: str


@dataclass(frozen=True, slots=True)
class PartSource:
    """A component that takes the place of the pipeline's own.

    Attributes:
        name: the part, such as `vae`.
        location: a folder, a file, or a hub id.
        revision: the commit of a hub id; else `content:` and a hash.
        within: where it is inside; of a hub id, it may be a file.
    """

    name: str
    location: str
    revision: str
    within: str = ""

    @property
    def is_local(self) -> bool:
        return self.revision.startswith("content:")

    @property
    def is_file(self) -> bool:
        return (self.location if self.is_local else self.within).endswith((".safetensors", ".gguf"))

    def inside(self, name: str) -> str:
        """Return where a file of the component is in its location."""
        return (PurePosixPath(self.within) / name).as_posix()

    @property
    def here(self) -> Path | None:
        """Where it is on this machine: a folder or a file; None if the hub's cache does not have it."""
        if self.is_local:
            return expanded(self.location) / self.within
        from huggingface_hub import try_to_load_from_cache

        for name in (self.within,) if self.is_file else map(self.inside, ("config.json", "tokenizer_config.json")):
            if isinstance(found := try_to_load_from_cache(self.location, name, revision=self.revision), str):
                return Path(found) if self.is_file else Path(found).parent
        return None

    def __str__(self) -> str:
        return " ".join(filter(None, (self.location, self.within, self.revision)))


def class_of(config: Mapping[str, object]) -> tuple[str, str] | None:
    """Return the library and the class of a component, as its configuration names them."""
    if isinstance(own := config.get("_class_name"), str):
        return "diffusers", own
    named = config.get("architectures")
    return ("transformers", named[0]) if isinstance(named, list) and named and isinstance(named[0], str) else None


def read_local(location: str, _: str, name: str) -> Mapping[str, object]:
    """Read a JSON object of a folder."""
    try:
        return read_object(expanded(location) / name)
    except (OSError, ValueError):
        return {}


def read_hub(location: str, revision: str, name: str) -> Mapping[str, object]:
    """Read a JSON object of a hub model; download it if the cache lacks it."""
    try:
        return read_object(fetched(location, revision, name))
    except (OSError, ValueError, http_error()):
        return {}


def fetched(location: str, revision: str, name: str) -> Path:
    """Return a small file of a hub model, in the cache; download it if that lacks it.

    Raises:
        OSError, ValueError, HTTPError: it cannot be had.
    """
    from huggingface_hub import hf_hub_download

    return Path(answered(lambda: hf_hub_download(location, name, revision=revision)))


def read_cache(location: str, revision: str, name: str) -> Mapping[str, object]:
    """Read a JSON object of a hub model from the cache."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(location, name, revision=revision)
    try:
        return read_object(Path(found)) if isinstance(found, str) else {}
    except (OSError, ValueError):
        return {}


def http_error() -> type[Exception]:
    """Give the base of the HTTP library's errors: a refused connection is not an OSError there.

    The library is httpx or httpx2, as huggingface_hub's version has it; this module has the base of either.
    """
    from huggingface_hub.errors import HTTPError  # type: ignore[attr-defined] # imported there, not made there

    base: type[Exception] = HTTPError
    return base

"""What a model's own files say of its licence: its card's front matter, and its licence file with its hash."""

import re
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path

import yaml

from synthgen.bounded import read_bounded
from synthgen.files import expanded
from synthgen.models.busy_hub import answered
from synthgen.models.part_source import fetched, http_error
from synthgen.records import LicenceNote

_MOST_BYTES = 2**20
_FILE = re.compile(r"(licen[cs]e|copying)([._-].*)?", re.IGNORECASE)
_CARD = re.compile(r"\A---\s*\n(.*?)\n---\s*\n", re.DOTALL)
_ID = re.compile(r"\S.{0,99}")


def licence_of_folder(place: str) -> LicenceNote:
    """Read what the files at the top of a folder say. What cannot be read is taken for missing."""
    folder = expanded(place)
    try:
        name = _licence_file(each.name for each in folder.iterdir())
    except OSError:
        return LicenceNote()
    return LicenceNote(_named(_front_matter(folder / "README.md")), name, _digest(folder / name) if name else None)


def licence_on_hub(model_id: str, revision: str | None) -> LicenceNote:
    """Ask the hub what the files of a model say at a revision; where it may not be asked, look into the cache."""
    from huggingface_hub import HfApi, constants

    if constants.HF_HUB_OFFLINE:
        return _cached(model_id, revision)
    try:
        info = answered(lambda: HfApi().model_info(model_id, revision=revision, timeout=20))
    except (OSError, ValueError, http_error()):
        return _cached(model_id, revision)
    names = [file.rfilename for file in info.siblings or ()]
    name = _licence_file(names)
    card = _fetched(model_id, info.sha, "README.md") if "README.md" in names else None
    file = _fetched(model_id, info.sha, name) if name else None
    return LicenceNote(_named(_front_matter(card)) if card else (), name, _digest(file) if file else None)


def _fetched(model_id: str, commit: str | None, name: str) -> Path | None:
    try:
        return fetched(model_id, commit or "main", name)
    except (OSError, ValueError, http_error()):
        return None


def _cached(model_id: str, revision: str | None) -> LicenceNote:
    from huggingface_hub import try_to_load_from_cache

    try:
        for mark in ("README.md", "model_index.json", "config.json"):
            if isinstance(found := try_to_load_from_cache(model_id, mark, revision=revision), str):
                return licence_of_folder(str(Path(found).parent))
    except ValueError:  # it is not a hub id
        pass
    return LicenceNote()


def _licence_file(names: Iterable[str]) -> str | None:
    return min((name for name in names if _FILE.fullmatch(name)), default=None)


def _digest(path: Path) -> str | None:
    try:
        return sha256(read_bounded(path, _MOST_BYTES)).hexdigest()
    except OSError:
        return None


def _front_matter(path: Path) -> Mapping[str, object]:
    try:
        text = read_bounded(path, _MOST_BYTES).decode("utf-8").replace("\r\n", "\n")
        found = yaml.safe_load(head[1]) if (head := _CARD.match(text)) else None
    except (OSError, ValueError, yaml.YAMLError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _named(card: Mapping[str, object]) -> tuple[str, ...]:
    """Return the licences of a card; of `other`, the name that it has, if any."""
    return tuple(dict.fromkeys(_ids(card)))


def _ids(card: Mapping[str, object]) -> Iterator[str]:
    said = card.get("license")
    for each in said if isinstance(said, list) else [said]:
        own = card.get("license_name") if each == "other" else None
        if isinstance(name := own or each, str) and _ID.fullmatch(name.strip()):
            yield name.strip().lower()

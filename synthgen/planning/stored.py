"""What plan.json says besides the spec: checked, since whoever hands a run over may have written anything there."""

import re
from collections.abc import Mapping

from synthgen.records import LicenceNote
from synthgen.seal import unseal

_LARGEST_WINDOW = 1 << 16
WRITTEN = "written"
"""The entry that has the spec as its author wrote it."""


def check_stored(content: Mapping[str, object]) -> None:
    """Check the window, the revisions and the promise of a plan.

    Raises:
        ValueError: one of them cannot be what a plan has.
    """
    window, revisions, promise = content.get("window"), content.get("revisions"), content.get("promise")
    if type(window) is not int or not 0 < window <= _LARGEST_WINDOW:
        raise ValueError(f"window: expected a whole number from 1 to {_LARGEST_WINDOW}, found {window!r:.40}")
    if not isinstance(revisions, dict):
        raise ValueError(f"revisions: expected an object, found {revisions!r:.40}")
    plugins = revisions.get("plugins", {})
    for name in ("generator", "judge"):
        if not isinstance(revisions.get(name), str):
            raise ValueError(f"revisions.{name}: expected text, found {revisions.get(name)!r:.40}")
    if not isinstance(plugins, dict) or not all(isinstance(release, str) for release in plugins.values()):
        raise ValueError(f"revisions.plugins: expected releases by name, found {plugins!r:.40}")
    for key in ("adapters", "components", "annotators"):
        named = revisions.get(key, {})
        if not isinstance(named, dict) or not all(isinstance(revision, str) for revision in named.values()):
            raise ValueError(f"revisions.{key}: expected revisions by name, found {named!r:.40}")
    if promise is not None and not isinstance(promise, str):
        raise ValueError(f"promise: expected text, found {promise!r:.40}")


def licence_notes(found: object) -> dict[str, LicenceNote]:
    """Read what models' files said of their licences.

    Raises:
        ValueError: a note cannot be what a plan has.
    """
    if not isinstance(found, dict):
        raise ValueError(f"licences: expected an object, found {found!r:.40}")
    return {key: _note(key, note) for key, note in found.items()}


def _note(key: str, note: object) -> LicenceNote:
    if not isinstance(note, dict) or note.keys() != {"named", "file", "sha256"}:
        raise ValueError(f"licences.{key:.40}: expected named, file and sha256, found {note!r:.40}")
    named, file, digest = note["named"], note["file"], note["sha256"]
    texts = isinstance(named, list) and all(isinstance(each, str) for each in named)
    if not texts or not (file is None or isinstance(file, str)):
        raise ValueError(f"licences.{key:.40}: expected texts, found {note!r:.80}")
    if not (digest is None or (isinstance(digest, str) and re.fullmatch(r"[0-9a-f]{64}", digest))):
        raise ValueError(f"licences.{key:.40}: expected a sha256, found {digest!r:.80}")
    return LicenceNote(tuple(named), file, digest)


def written_spec(text: str) -> str | None:
    """Read the spec's own text from a plan.json; None if an earlier version wrote the file.

    Raises:
        ValueError: the text is damaged.
    """
    found = unseal(text)[0].get(WRITTEN)
    return found if isinstance(found, str) else None

"""`sheet/synthgen.json`: the pages of a run's contact sheet of all pictures, each with what it was made from."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from synthgen.errors import StorageError
from synthgen.files import MissingFileError
from synthgen.running import Damage
from synthgen.seal import is_digest, seal, unseal
from synthgen.store import RunStore
from synthgen.store.layout import PAGES, SUMMARY

PER_PAGE, MOST_PER_PAGE = 200, 1000
"""How many pictures a page has by default, and at most."""
RECORD = f"{PAGES}/{SUMMARY}"
_PAGE = re.compile(r"(?:(?:accepted|surplus|rejected)-[0-9]{4,}|index)\.html")


@dataclass(frozen=True, slots=True)
class PageRecord:
    """What `sheet/synthgen.json` says: the pages by name, each with what it was made from and its sha256."""

    per_page: int
    pages: Mapping[str, tuple[str, str]]


def read_page_record(store: RunStore) -> PageRecord | None:
    """Read the record; None if the run has no pages, or it is damaged: then the pages are all written again."""
    try:
        return _parsed(store.read(RECORD))
    except (StorageError, ValueError):
        return None


def as_page_record(record: PageRecord) -> bytes:
    """Give the content of the record."""
    content = {"per_page": record.per_page, "pages": dict(sorted(record.pages.items()))}
    return seal(json.dumps(content, indent=1)).encode()


def is_page(name: str) -> bool:
    """Whether this is the name of a page, relative to the run."""
    return name.startswith(f"{PAGES}/") and _PAGE.fullmatch(name.partition("/")[2]) is not None


def damaged_pages(store: RunStore) -> list[Damage]:
    """Find pages that are not as they were written."""
    try:
        record = _parsed(store.read(RECORD))
    except MissingFileError:
        ours = [name for name in store.names(PAGES) if is_page(name)]
        return [Damage(RECORD, "is missing: nothing says what the pages should be")] if ours else []
    except StorageError as error:
        return [Damage.of(RECORD, error)]
    except ValueError as error:
        return [Damage(RECORD, f"is damaged, or of another version: {error}")]
    return [found for name, (_, digest) in record.pages.items() if (found := _damage_to(store, name, digest))]


def drop_pages(store: RunStore, findings: Sequence[Damage]) -> None:
    """Delete damaged pages, all of them without a record: the next `finalize` writes them again."""
    for finding in findings:
        store.delete(finding.place)
    if any(finding.place == RECORD for finding in findings):
        for name in filter(is_page, store.names(PAGES)):
            store.delete(name)
        store.create(RECORD, as_page_record(PageRecord(PER_PAGE, {})))


def _parsed(data: bytes) -> PageRecord:
    """Parse the record, which may name only what synthgen itself writes.

    Raises:
        ValueError: it is damaged.
    """
    content, is_sealed = unseal(data.decode())
    per_page, pages = content.get("per_page"), content.get("pages")
    if (
        not is_sealed
        or not isinstance(pages, dict)
        or not isinstance(per_page, int)
        or not 0 < per_page <= MOST_PER_PAGE
    ):
        raise ValueError("expected its own sha256, a number `per_page` and an object `pages`")
    found: dict[str, tuple[str, str]] = {}
    for name, made in pages.items():
        if not _PAGE.fullmatch(name) or not isinstance(made, list) or len(made) != 2 or not all(map(is_digest, made)):
            raise ValueError(f"{name!r:.40} is not a page with its two sha256")
        found[name] = made[0], made[1]
    return PageRecord(per_page, found)


def _damage_to(store: RunStore, name: str, digest: str) -> Damage | None:
    try:
        found = store.describe(f"{PAGES}/{name}")
    except StorageError as error:
        return Damage.of(f"{PAGES}/{name}", error)
    return None if found.sha256 == digest else Damage(found.name, "its sha256 is not the one that it was written with")

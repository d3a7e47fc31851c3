"""Audits of a run: finding those that lie outside it, and removing what synthgen wrote of one."""

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from synthgen.api.listing import measured
from synthgen.files import as_storage_error, is_draft, sync
from synthgen.leftovers import remove
from synthgen.store import RunStore, layout

_MOST_BYTES = 2**28


def audits_of(place: str) -> tuple[Path, ...]:
    """Find the audits of a run beside it and in `outputs/`: folders whose names begin with the run's.

    Their reports say which set they are of; an audit of another set is no audit of this run, whatever its name. The
    audit inside a run is part of the run.
    """
    from synthgen.auditing.taken import place_sha256

    name = Path(place).resolve().name if "://" not in place else place.rstrip("/").rpartition("/")[2]
    sets = [place] if "://" in place else [place, *(f"{place}/{part}" for part in (layout.DATASET, "dataset/data"))]
    known = {place_sha256(each) for each in sets}
    beside = [] if "://" in place else [Path(place).parent]
    folders = {folder.absolute(): folder for base in (Path("outputs"), *beside) for folder in _begun_with(base, name)}
    return tuple(sorted(folder for folder in folders.values() if _place_of(folder / layout.AUDIT_JSON) in known))


def remove_audit(folder: Path) -> tuple[int, int]:
    """Delete what synthgen wrote of an audit; return its bytes and files. What somebody filled in or added stays."""
    from synthgen.auditing.questions.sheet import is_untouched

    written, sheets = _written()
    names = [*(name for name in sheets if is_untouched(folder / name)), *written]
    drafts = [path for path in folder.glob(".*") if is_draft(path)]
    size = files = 0
    with as_storage_error(folder, "cannot remove "):
        for path in (*drafts, *(folder / name for name in names)):
            if path.is_dir() and not path.is_symlink():
                more, count, _ = measured(path)
            elif path.is_symlink() or path.is_file():
                more, count = path.lstat().st_size, 1
            else:
                continue
            remove(path)
            size, files = size + more, files + count
        with suppress(OSError):  # it holds something else
            folder.rmdir()
            sync(folder.parent)
    return size, files


def others_in_audit(store: RunStore, names: Iterable[str]) -> Iterator[str]:
    """Name what in the audit inside a run in a bucket is not as synthgen wrote it: see `remove_audit`.

    Args:
        names: of all that is in the run.
    """
    from synthgen.auditing.questions.sheet import is_as_written

    written, sheets = _written()
    for name in names:
        folder, _, own = name.partition("/")
        if folder != layout.AUDIT or own.partition("/")[0] in written or is_draft(Path(own)):
            continue
        if not (own in sheets and is_as_written(store.read(name))):
            yield name


def _written() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what synthgen writes of an audit, what marks it as one last, and the datasheets that people fill in."""
    from synthgen.auditing.places import GROUPS, ISSUES, SHARES
    from synthgen.auditing.questions.sheet import NEXT_SHEET, SHEET
    from synthgen.pages.labels import PAGE

    written = (layout.AUDIT_REPORT, GROUPS, SHARES, ISSUES, PAGE, layout.EMBEDDINGS, layout.AUDIT_JSON)
    return written, (SHEET, NEXT_SHEET)


def _begun_with(base: Path, name: str) -> Iterator[Path]:
    with suppress(OSError):
        for folder in sorted(base.iterdir()):
            if name and folder.name.startswith(f"{name}-") and folder.is_dir() and not folder.is_symlink():
                yield folder


def _place_of(file: Path) -> object:
    """Return what an audit says of the place of its set; the empty text if it does not."""
    with suppress(OSError, ValueError, RecursionError, AttributeError):
        if not file.is_symlink() and file.is_file() and file.stat().st_size <= _MOST_BYTES:
            return json.loads(file.read_bytes())["provenance"]["place_sha256"] or ""
    return ""

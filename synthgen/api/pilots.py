"""The spec of a pilot, and the attempts that it accepted."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from synthgen import running as runs
from synthgen.api.planning import plan
from synthgen.errors import UsageError
from synthgen.judging.calibration.conditions import conditions, difference
from synthgen.ledger.columns import ImageRow, LedgerRow
from synthgen.planning import Plan
from synthgen.records import ShardRecord, Verdict
from synthgen.spec import Filters, LabelFilter, Spec
from synthgen.store import FolderStore
from synthgen.store.layout import PLAN


def pilot_spec(spec: Spec, count: int) -> Spec:
    """Derive the spec of the pilot, which accepts every attempt with a picture, whatever it shows.

    Where the spec has `balance`, the attempt's cell must have room, as in the run. Otherwise the threshold would hold
    for another mix of images.
    """
    changes = {
        "name": f"{spec.name[:50]}-pilot",
        "classes": {name: kind.model_copy(update={"count": count}) for name, kind in spec.classes.items()},
        "filters": pilot_filters(spec),
        "seed": (spec.seed + 1) % 2**63,
    }
    return spec.model_copy(update=changes)


def pilot_filters(spec: Spec) -> Filters:
    """Return the filters of a pilot: those before the label filter, and a label filter that lets everything pass."""
    none_of_these = spec.filters.label.none_of_these if spec.filters.label else ()
    label = LabelFilter(min_posterior=0.0, none_of_these=none_of_these)
    return Filters(quality=spec.filters.quality, label=label)


def accepted_rows(folder: Path) -> list[LedgerRow]:
    """Return the ledger rows of the accepted attempts."""
    from synthgen.pages.sheet import ledger_rows

    rows = ledger_rows([folder / record.ledger.name for record in _committed(folder)])
    return [row for row in rows if row["verdict"] == Verdict.ACCEPTED]


def earlier_pictures(folder: Path) -> Callable[[LedgerRow], bytes | None]:
    """Return what makes a thumbnail of the picture that an accepted attempt begins from, laid out as its image is.

    Raises:
        SynthgenError: when called: the set of pictures cannot be opened, or a picture has changed.
    """
    from synthgen.api.befores import befores_of
    from synthgen.running.replay import candidate_of
    from synthgen.running.shard.encode import decoded, thumbnail, to_host

    planned = runs.open_run(FolderStore(folder))
    before = befores_of(planned)
    assert before is not None, "images of the spec redraw pictures"
    sizes = {image["id"]: decoded(image["image"]["bytes"]).size for image in _images(folder, ["id", "image"])}

    def earlier(row: LedgerRow) -> bytes | None:
        return thumbnail(to_host([before(candidate_of(row, planned), sizes[row["id"]]).pixels])[0])

    return earlier


def boxed_thumbnails(folder: Path) -> dict[str, bytes]:
    """Make thumbnails of the accepted images with their boxes drawn, by id."""
    import numpy as np
    from PIL import ImageDraw

    from synthgen.running.shard.encode import THUMBNAIL, decoded, thumbnail

    found = {}
    for image in _images(folder, ["id", "image", "boxes"]):
        picture = decoded(image["image"]["bytes"])
        scale = max(1.0, THUMBNAIL / max(picture.size))  # lines would hide much of a small picture
        picture = picture.resize((round(picture.width * scale), round(picture.height * scale)))
        draw, width = ImageDraw.Draw(picture), max(1, round(max(picture.size) / THUMBNAIL))
        for left, top, right, bottom in image["boxes"] or ():
            corners = (left * scale, top * scale, right * scale - 1, bottom * scale - 1)
            draw.rectangle(corners, outline="red", width=width)
        found[image["id"]] = thumbnail(np.asarray(picture))
    return found


def _images(folder: Path, columns: Sequence[str]) -> Iterator[ImageRow]:
    from synthgen.ledger.table import read_images

    for record in _committed(folder):
        yield from read_images(FolderStore(folder), record.images.name, columns)


def _committed(folder: Path) -> Iterable[ShardRecord]:
    store = FolderStore(folder)
    return runs.read_intact(runs.open_run(store), store).done.values()


def is_begun(folder: Path) -> bool:
    """Whether there is a plan in a folder."""
    return (folder / PLAN).is_file()


def plan_of_pilot(spec: Spec, folder: Path) -> Plan:
    """Return the plan of the pilot in `folder`.

    Raises:
        UsageError: it was made for another spec, or is not a pilot.
    """
    there, filters = runs.open_run(FolderStore(folder)), pilot_filters(spec)
    hint = "Give the folder of this spec's pilot as `folder`, or a new one to make it in."
    wanted = conditions(plan(spec.model_copy(update={"filters": filters})))
    if differs := difference(conditions(there), wanted, "the pilot"):
        raise UsageError(f"{folder} holds the pilot of another spec: {differs}", hint=hint)
    if there.spec.filters != filters:
        raise UsageError(f"{folder} holds a run with filters of its own, not a pilot", hint=hint)
    return there

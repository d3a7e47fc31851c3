"""Committed shards -> the dataset's folder."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path

from pydantic import BaseModel

from synthgen.dataset.build import Writing, build
from synthgen.dataset.card import write_card
from synthgen.dataset.columns import COLUMNS_VERSION
from synthgen.dataset.cores import on_all_cores
from synthgen.dataset.describing import description_of
from synthgen.dataset.encoding import Encoding
from synthgen.dataset.formats.format import FormatWriter, WrittenSplit
from synthgen.dataset.formats.parquet import ParquetFormat
from synthgen.dataset.images import CommittedImages
from synthgen.dataset.included import IncludedImages, included_images
from synthgen.dataset.origin import write_origin
from synthgen.dataset.pictures import PictureFinisher, Step, digests_of
from synthgen.dataset.provenance import Provenance
from synthgen.dataset.replace import check_place, check_space, recover, scratch_beside
from synthgen.dataset.select import AcceptedImages, select
from synthgen.dataset.summary import DatasetSummary, read_summary
from synthgen.errors import StorageError
from synthgen.events import OnProgress, ignore
from synthgen.ledger.review import NO_REVIEW, Review
from synthgen.ledger.source import Scan, Source, digests_of_pictures, pixel_bytes, scan
from synthgen.spec import DuplicateFilter
from synthgen.store.layout import CONTACT
from synthgen.version import __version__

_PARQUET = ParquetFormat()


def finalize(
    sources: Sequence[Source],
    folder: Path,
    *,
    name: str,
    classes: Sequence[str],
    splits: Mapping[str, float],
    provenance: Provenance,
    drop: DuplicateFilter | None = None,
    writer: FormatWriter = _PARQUET,
    digests: Sequence[str] | None = None,
    there: DatasetSummary | None = None,
    own: Collection[str] = (),
    review: Review = NO_REVIEW,
    ledgers: Sequence[Source] = (),
    groups: Mapping[str, str] | None = None,
    labels: Sequence[str] | None = None,
    seed: int = 0,
    signature: Step | None = None,
    on_progress: OnProgress = ignore,
) -> DatasetSummary:
    """Make the dataset of all accepted images in `sources`, the committed files of every shard, in any order.

    The folder appears, or replaces an older one, in one step. It is left as it is if it was made from the
    same inputs. Images that are equal byte for byte are reported; with `drop`, those that repeat each other by its
    rule are reported and left out, and the lowest id stays.
    Pixels are streamed. Memory grows with the number of images: it holds the id, label, digest and split of each, and
    with `drop` its perceptual hash, its embedding if a cosine is asked for, and all pairs that are alike by hash.

    Args:
        writer: of the format that `provenance.format` names.
        digests: sha256 of each source, in hex, as it was committed; by default, as it is now.
        there: the dataset in the place that the folder will be copied to, if it will be.
        own: files in the folder that synthgen is known to have made, even if the one that says so is lost.
        review: the images that reviewers took out, and those that they took in, which `drop` leaves alone.
        ledgers: the ledger of each source, in the same order. Only needed for images that were taken in.
        groups: of each picture that images were made from. Images of one group go to one split.
        classes: as the sources number them.
        labels: the same in the order in which the dataset numbers them; by default, that of `classes`.
        seed: of the order of the rows.
        signature: signs each picture, as `provenance.signed_by` says.
        on_progress: hears how many images are written.

    Raises:
        QuotaNotMet: there are no images.
        UsageError: the format failed, or did not do what it says.
        StorageError: a source is damaged or cannot be used, an id occurs twice, or the folder cannot be written.
    """
    rule = drop.model_dump(mode="json") if drop else None
    committed = digests if digests is not None else digests_of(sources)
    inputs = _fingerprint(committed, name, classes, splits, provenance, rule, *review.facts, labels or classes, seed)
    recover(folder)
    summary = read_summary(folder) or there
    if summary is not None and summary.inputs == inputs:
        return summary

    if digests is not None:
        _check(sources, digests)
    taken = included_images(ledgers, sources, review, classes)
    scans, accepted = _read([*sources, *taken], classes, drop, review)
    selection = select(accepted, classes, splits, drop, groups)
    selection = replace(selection, classes=tuple(labels or classes))

    check_place(folder, own)
    if provenance.encoding == Encoding("png"):
        check_space(folder, pixel_bytes(sources) * len(selection.split_of) // len(accepted.ids))
    steps = [step for step in (provenance.marking, signature) if step is not None]
    finisher = PictureFinisher(provenance.encoding, steps)
    with scratch_beside(folder) as scratch:
        images = CommittedImages(
            scans,
            selection,
            provenance.asked,
            review,
            scratch=scratch,
            classes=classes,
            model=provenance.model,
            seed=seed,
            finish=lambda rows: finisher.rows(rows, on_progress, len(selection.split_of)),
        )

        def describe(new: Path, summary: DatasetSummary, loaded: WrittenSplit | None) -> None:
            write_card(new, summary, provenance, images.features, images.composition, drop, review, loaded)
            write_origin(new, summary, provenance)
            if provenance.marking is not None and (sheet := new / CONTACT).exists():
                sheet.write_bytes(provenance.marking.of_sheet(sheet.read_bytes()))

        return build(
            folder,
            images,
            selection,
            Writing(writer, provenance.format, provenance.encoding, steps),
            name=name,
            inputs=inputs,
            write_card=describe,
            runs=images.label_runs,
            description=description_of(provenance),
            finished_by=finisher,
            own=own,
            on_progress=on_progress,
        )


def _check(sources: Sequence[Source], committed: Iterable[str]) -> None:
    """Compare the sources with the digests that were committed.

    Raises:
        StorageError: a source is not what was committed.
    """
    for source, found, digest in zip(sources, digests_of(sources), committed, strict=True):
        if found != digest:
            what = f"{source} is damaged: its sha256 is not the one that it was committed with"
            raise StorageError(what, hint="Run `synthgen repair` on the run folder, and run again.")


def _read(
    sources: Sequence[Source], classes: Sequence[str], drop: DuplicateFilter | None, review: Review
) -> tuple[list[Scan], AcceptedImages]:
    """Read what the selection needs to know of the images; give the sources in the order of their ids, too."""
    by_cosine = drop is not None and drop.min_cosine is not None

    def look(source: Source) -> Scan:
        by_rule = not (isinstance(source, IncludedImages) and source.spared)
        return scan(source, classes, hashes=drop is not None and by_rule, embeddings=by_cosine and by_rule)

    scans = sorted(on_all_cores(look, sources), key=lambda one: one.ids[:1])
    accepted = AcceptedImages(spared=review.spared)
    for one, digests in zip(scans, digests_of_pictures(scans), strict=True):
        places = [place for place, image_id in enumerate(one.ids) if image_id not in review.excluded]
        accepted.ids += [one.ids[place] for place in places]
        accepted.labels += [one.labels[place] for place in places]
        accepted.digests += [digests[place] for place in places]
        accepted.sources += [one.origins[place] for place in places] if one.origins else []
        accepted.hashes += [one.hashes[place] for place in places] if one.hashes else []
        accepted.embeddings += [one.embeddings[place] for place in places] if one.embeddings else []
    return scans, accepted


def _fingerprint(
    digests: Iterable[str],
    name: str,
    classes: Sequence[str],
    splits: Mapping[str, float],
    provenance: Provenance,
    *settings: object,
) -> str:
    facts = [__version__, COLUMNS_VERSION, name, list(classes), list(splits.items()), asdict(provenance), settings]
    digest = sha256(json.dumps(facts, ensure_ascii=True, default=_of_spec).encode())
    for one in sorted(digests):
        digest.update(one.encode())
    return digest.hexdigest()


def _of_spec(value: object) -> object:
    """Write a section of the spec, which is no dataclass, as JSON types."""
    assert isinstance(value, BaseModel)
    return value.model_dump(mode="json")

"""Committed shards -> the dataset's folder."""

import json
from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from synthgen.cores import cores
from synthgen.dataset.against import OtherSet
from synthgen.dataset.build import Writing, build
from synthgen.dataset.card import write_card
from synthgen.dataset.columns import COLUMNS_VERSION
from synthgen.dataset.cores import on_all_cores
from synthgen.dataset.describing import description_of
from synthgen.dataset.encoding import Encoding
from synthgen.dataset.formats.format import FormatWriter, WrittenSplit
from synthgen.dataset.formats.parquet import ParquetFormat
from synthgen.dataset.images import CommittedImages
from synthgen.dataset.included import included_images
from synthgen.dataset.origin import write_origin
from synthgen.dataset.pictures import PictureFinisher, Step, digests_of
from synthgen.dataset.provenance import Provenance
from synthgen.dataset.replace import check_place, check_space, recover, scratch_beside
from synthgen.dataset.select import AcceptedImages, SplitRules, select
from synthgen.dataset.summary import DatasetSummary, read_summary
from synthgen.errors import StorageError, SynthgenError
from synthgen.events import OnProgress, ignore
from synthgen.ledger.columns import SOURCE_ID, attribute
from synthgen.ledger.review import NO_REVIEW, Review
from synthgen.ledger.source import Scan, Source, batches, digest_of, digests_of_pictures, hashes_of, pixel_bytes, scan
from synthgen.spec import DuplicateFilter, Splits
from synthgen.store.layout import CONTACT
from synthgen.version import __version__

_PARQUET = ParquetFormat()


def finalize(
    sources: Sequence[Source],
    folder: Path,
    *,
    name: str,
    classes: Sequence[str],
    splits: Splits | SplitRules,
    provenance: Provenance,
    drop: DuplicateFilter | None = None,
    writer: FormatWriter = _PARQUET,
    digests: Sequence[str] | None = None,
    there: DatasetSummary | None = None,
    own: Collection[str] = (),
    review: Review = NO_REVIEW,
    ledgers: Sequence[Source] = (),
    others: Sequence[OtherSet] = (),
    labels: Sequence[str] | None = None,
    seed: int = 0,
    signature: Step | None = None,
    on_progress: OnProgress = ignore,
) -> DatasetSummary:
    """Make the dataset of all accepted images in `sources`, the committed files of every shard, in any order.

    The folder appears, or replaces an older one, in one step. It is left as it is if it was made from the
    same inputs. Images that are equal byte for byte are reported; with `drop`, those that repeat each other by its
    rule are reported and left out, and the lowest id stays.
    Pixels are streamed. Memory grows with the number of images: it holds the id, label, digest, seed and split of each,
    and its perceptual hash and its embedding where a rule asks for them.

    Args:
        splits: their sizes alone join only equal files, and images of one source or seed.
        writer: of the format that `provenance.format` names.
        digests: sha256 of each source, in hex, as it was committed; by default, as it is now.
        there: the dataset in the place that the folder will be copied to, if it will be.
        own: files in the folder that synthgen is known to have made, even if the one that says so is lost.
        review: the images that reviewers took out, and those that they took in, which `drop` leaves alone.
        ledgers: the ledger of each source, in the same order. Only needed for images that were taken in, and to keep
            those of one template together.
        others: the sets that the images are compared with.
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
    rules = splits if isinstance(splits, SplitRules) else SplitRules(splits)
    facts = (rule, [(other.name, other.digest) for other in others], *review.facts, labels or classes, seed)
    inputs = _fingerprint(committed, name, classes, rules, provenance, *facts)
    recover(folder)
    summary = read_summary(folder) or there
    if summary is not None and summary.inputs == inputs:
        return summary

    with _checked(sources, digests):
        taken = included_images(ledgers, sources, review, classes)
        scans, accepted = _read([*sources, *taken], classes, rules, drop, review, provenance.asked.balanced)
        if "template" in rules.together:
            accepted.shared["template"] = _templates(ledgers, accepted.ids)
        selection = select(accepted, classes, rules, drop, others)
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
            write_card(new, summary, provenance, images.features, images.composition, drop, review, rules, loaded)
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


@contextmanager
def _checked(sources: Sequence[Source], committed: Sequence[str] | None) -> Iterator[None]:
    """Compare the sources with the digests that were committed, if any, while the block reads them.

    Raises:
        StorageError: a source is not what was committed. What the block raises then is a consequence, and not raised.
    """
    pool = ThreadPoolExecutor(max(1, cores() - 1), "checking")  # the block keeps a core busy by itself
    found = pool.map(digest_of, sources if committed is not None else ())
    try:
        yield
    except SynthgenError:
        _compare(sources, found, committed or ())
        raise
    else:
        _compare(sources, found, committed or ())
    finally:
        pool.shutdown(cancel_futures=True)


def _compare(sources: Iterable[Source], found: Iterable[str], committed: Iterable[str]) -> None:
    for source, digest, right in zip(sources, found, committed, strict=False):
        if digest != right:
            what = f"{source} is damaged: its sha256 is not the one that it was committed with"
            raise StorageError(what, hint="Run `synthgen repair` on the run folder, and run again.")


def _read(
    sources: Sequence[Source],
    classes: Sequence[str],
    rules: SplitRules,
    drop: DuplicateFilter | None,
    review: Review,
    balanced: Sequence[str],
) -> tuple[list[Scan], AcceptedImages]:
    """Read what the selection needs to know of the images; give the sources in the order of their ids, too."""
    asking = (drop, rules.near, rules.against)
    embeddings = any(rule is not None and rule.min_cosine is not None for rule in asking)
    answers = [attribute(name) for name in balanced]
    columns = ["seed", SOURCE_ID, *["prompt"] * ("prompt" in rules.together), *answers]

    def look(source: Source) -> Scan:
        return scan(source, classes, columns, embeddings=embeddings)

    scans = sorted(on_all_cores(look, sources), key=lambda one: one.ids[:1])

    def joined(name: str) -> list[Hashable]:
        return [value for one in scans for value in one.columns[name]]

    hashes = any(rule is not None and rule.max_bits is not None for rule in asking)
    whole = AcceptedImages(
        [image_id for one in scans for image_id in one.ids],
        [label for one in scans for label in one.labels],
        [digest for digests in digests_of_pictures(scans) for digest in digests],
        [each for found in on_all_cores(hashes_of, scans) for each in found] if hashes else [],
        _stacked([rows for one in scans for rows in one.embeddings]) if embeddings else None,
        review.spared,
        [tuple(map(str, cell)) for cell in zip(*map(joined, answers), strict=True)] if answers else [],
        {"seed": joined("seed")},
    )
    if any(found := joined(SOURCE_ID)):
        whole.shared["source"] = [rules.groups.get(str(each), each) for each in found]
    if "prompt" in rules.together:
        whole.shared["prompt"] = joined("prompt")
    kept = [place for place, image_id in enumerate(whole.ids) if image_id not in review.excluded]
    return scans, whole if len(kept) == len(whole) else whole.of(kept)


def _stacked(parts: Sequence[NDArray[np.float16]]) -> NDArray[np.float16]:
    """Put embeddings below each other. Rows that are not as wide as the others, as there are none, become NaN."""
    width = max((part.shape[1] for part in parts), default=0)
    blank = [np.full((len(part), width), np.nan, np.float16) if part.shape[1] < width else part for part in parts]
    return np.concatenate(blank) if blank else np.empty((0, 0), np.float16)


def _templates(ledgers: Iterable[Source], ids: Sequence[str]) -> list[Hashable]:
    """Return the template that each image's prompt was drawn from; None where no ledger has the image."""
    found: dict[str, str] = {}
    wanted, texts = {*ids}, dict[str, str]()
    for ledger in ledgers:
        for batch in batches(ledger, ["id", "template"]):
            for image_id, text in zip(batch["id"].to_pylist(), batch["template"].to_pylist(), strict=True):
                if image_id in wanted:
                    found[image_id] = texts.setdefault(text, text)
    return [found.get(image_id) for image_id in ids]


def _fingerprint(
    digests: Iterable[str],
    name: str,
    classes: Sequence[str],
    rules: SplitRules,
    provenance: Provenance,
    *settings: object,
) -> str:
    facts = [__version__, COLUMNS_VERSION, name, list(classes), rules.facts, asdict(provenance), settings]
    digest = sha256(json.dumps(facts, ensure_ascii=True, default=_of_spec).encode())
    for one in sorted(digests):
        digest.update(one.encode())
    return digest.hexdigest()


def _of_spec(value: object) -> object:
    """Write a section of the spec, which is no dataclass, as JSON types."""
    assert isinstance(value, BaseModel)
    return value.model_dump(mode="json")

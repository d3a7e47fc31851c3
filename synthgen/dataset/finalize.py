"""Committed shards -> the dataset's folder."""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa

from synthgen.dataset.card import write_card
from synthgen.dataset.duplicates import equal_images, near_duplicates
from synthgen.dataset.formats.parquet import FILE_BYTES, SplitWriter
from synthgen.dataset.provenance import Provenance
from synthgen.dataset.replace import building, recover
from synthgen.dataset.splits import assign_splits
from synthgen.dataset.summary import DatasetSummary, SplitSummary, read_summary, write_summary
from synthgen.errors import QuotaNotMet, StorageError
from synthgen.files import as_damage
from synthgen.ledger.columns import FOR_DUPLICATES, attribute
from synthgen.ledger.composition import Composition
from synthgen.ledger.source import Scan, Source, batches, digest_of, scan, schema_of
from synthgen.spec import DuplicateFilter
from synthgen.version import __version__

_FORMAT = 2
"""The version of the dataset's columns. A dataset of another format is written again; 2 added `class`."""


def finalize(
    sources: Sequence[Source],
    folder: Path,
    *,
    name: str,
    classes: Sequence[str],
    splits: Mapping[str, float],
    provenance: Provenance,
    drop: DuplicateFilter | None = None,
    file_bytes: int = FILE_BYTES,
    digests: Sequence[str] | None = None,
    there: DatasetSummary | None = None,
    own: Collection[str] = (),
) -> DatasetSummary:
    """Make the dataset of all accepted images in `sources`, the committed files of every shard, in any order.

    The folder appears, or replaces an older one, in one step. It is left as it is if it was made from the
    same inputs. Images that are equal byte for byte are reported; with `drop`, those that repeat each other by its
    rule are reported and left out, and the lowest id stays.
    What is read and written is streamed; memory holds some 300 bytes per image, and the embeddings if `drop` asks
    for a cosine.

    Args:
        digests: sha256 of each source, in hex, as it was committed; by default, as it is now.
        there: the dataset in the place that the folder will be copied to, if it will be.
        own: files in the folder that synthgen is known to have made, even if the one that says so is lost.

    Raises:
        QuotaNotMet: there are no images.
        StorageError: a source is damaged or cannot be used, an id occurs twice, or the folder cannot be written.
    """
    rule = drop.model_dump(mode="json") if drop else None
    committed = digests if digests is not None else [digest_of(source) for source in sources]
    inputs = _fingerprint(committed, name, classes, splits, provenance, rule, file_bytes)
    recover(folder)
    summary = read_summary(folder) or there
    if summary is not None and summary.inputs == inputs:
        return summary

    if digests is not None:
        _check(sources, digests)
    schema = _schema(sources, classes)
    by_cosine = drop is not None and drop.min_cosine is not None
    looked = (scan(source, classes, hashes=drop is not None, embeddings=by_cosine) for source in sources)
    scans = sorted(looked, key=lambda found: found.ids[:1])
    ids = list(chain.from_iterable(found.ids for found in scans))
    labels = list(chain.from_iterable(found.labels for found in scans))
    if not ids:
        raise QuotaNotMet("no image was accepted, so there is no dataset", hint="The ledger says why they fell.")
    if twice := [image_id for image_id, count in Counter(ids).items() if count > 1]:
        raise StorageError(f"the image {min(twice)} occurs twice", hint="Run `synthgen verify` on the run folder.")

    if drop:
        hashes = list(chain.from_iterable(found.hashes for found in scans))
        embeddings = list(chain.from_iterable(found.embeddings for found in scans))
        duplicates = near_duplicates(ids, labels, hashes, embeddings, drop)
    else:
        duplicates = equal_images(ids, list(chain.from_iterable(found.digests for found in scans)))

    dropped = {duplicate.id for duplicate in duplicates} if drop else set()
    kept = [position for position, image_id in enumerate(ids) if image_id not in dropped]
    assigned = assign_splits([ids[i] for i in kept], [labels[i] for i in kept], splits)
    split_of = dict(zip((ids[i] for i in kept), assigned, strict=True))
    in_class = Counter(zip(assigned, (labels[i] for i in kept), strict=True))

    composition = Composition(provenance.asked)
    with building(folder, own) as new:
        written = _write(scans, split_of, new / "data", splits, schema, file_bytes, composition, classes)
        summary = DatasetSummary(
            name=name,
            inputs=inputs,
            splits=tuple(
                SplitSummary(
                    name=split,
                    rows=writer.rows,
                    size=writer.bytes,
                    files={path.relative_to(new).as_posix(): path.stat().st_size for path in paths},
                    classes={kind: in_class[split, label] for label, kind in enumerate(classes)},
                )
                for split, (writer, paths) in written.items()
            ),
            duplicates=duplicates,
            dropped=len(dropped),
            digests={},
        )
        write_card(new, summary, provenance, _features(schema, classes), composition, drop)
        files = sorted(path for path in new.rglob("*") if path.is_file())
        summary = replace(summary, digests={path.relative_to(new).as_posix(): digest_of(path) for path in files})
        write_summary(summary, new)
    return summary


def _check(sources: Iterable[Source], committed: Iterable[str]) -> None:
    """Compare the sources with the digests that were committed.

    Raises:
        StorageError: a source is not what was committed.
    """
    for source, digest in zip(sources, committed, strict=True):
        if digest_of(source) != digest:
            what = f"{source} is damaged: its sha256 is not the one that it was committed with"
            raise StorageError(what, hint="Run `synthgen repair` on the run folder, and run again.")


def _write(
    scans: Iterable[Scan],
    split_of: Mapping[str, str],
    folder: Path,
    splits: Iterable[str],
    schema: pa.Schema,
    file_bytes: int,
    composition: Composition,
    classes: Sequence[str],
) -> dict[str, tuple[SplitWriter, tuple[Path, ...]]]:
    """Write the images that are in a split, and count them in `composition`."""
    folder.mkdir()
    writers = {split: SplitWriter(folder, split, schema, file_bytes) for split in splits}
    with ExitStack() as stack:
        for writer in writers.values():
            stack.callback(writer.abort)
        for found in scans:
            for split, rows in _divided(batches(found.source), split_of):
                writers[split].add(_with_class(rows, classes))
                _count(rows, composition, classes)
        return {split: (writer, writer.close()) for split, writer in writers.items()}


def _divided(rows: Iterable[pa.RecordBatch], split_of: Mapping[str, str]) -> Iterator[tuple[str, pa.RecordBatch]]:
    for batch in rows:
        places: dict[str, list[int]] = {}
        for position, image_id in enumerate(batch["id"].to_pylist()):
            if (split := split_of.get(image_id)) is not None:
                places.setdefault(split, []).append(position)
        for split, positions in places.items():
            yield split, batch.take(pa.array(positions))


def _with_class(rows: pa.RecordBatch, classes: Sequence[str]) -> pa.RecordBatch:
    """Add the name of each row's label: readers other than `datasets` see only its number."""
    return rows.append_column("class", pa.array(classes, pa.string()).take(rows["label"]))


def _count(rows: pa.RecordBatch, composition: Composition, classes: Sequence[str]) -> None:
    names = [name for name in composition.asked.answers if attribute(name) in rows.schema.names]
    columns = [rows[attribute(name)].to_pylist() for name in names]
    for label, *values in zip(rows["label"].to_pylist(), *columns, strict=True):
        composition.add(classes[label], dict(zip(names, values, strict=True)))


def _schema(sources: Sequence[Source], classes: Sequence[str]) -> pa.Schema:
    """The schema that the sources share, with the metadata that tells `datasets` about images and labels."""
    if not sources:
        raise StorageError("there is no committed shard to make a dataset of", hint="Run `synthgen run` first.")
    first, *others = (_shown(schema_of(source).remove_metadata()) for source in sources)
    for source, other in zip(sources[1:], others, strict=True):
        if not other.equals(first):
            what = f"the shards have different columns: {sources[0]} and {source}"
            raise StorageError(what, hint="Were they made by different versions?")
    with as_damage(sources[0]):
        schema: pa.Schema = _features(first, classes).arrow_schema
    return schema


def _shown(schema: pa.Schema) -> pa.Schema:
    """Drop what was only needed to find duplicates, and add the label's name beside its number."""
    fields: list[pa.Field] = []
    for field in schema:
        if field.name not in FOR_DUPLICATES:
            fields.append(field)
        if field.name == "label":
            fields.append(pa.field("class", pa.string()))
    return pa.schema(fields)


def _features(schema: pa.Schema, classes: Sequence[str]) -> Any:
    from datasets import ClassLabel, Features, Image

    return Features(
        Features.from_arrow_schema(schema.remove_metadata())
        | {"image": Image(), "label": ClassLabel(names=list(classes))}
    )


def _fingerprint(
    digests: Iterable[str],
    name: str,
    classes: Sequence[str],
    splits: Mapping[str, float],
    provenance: Provenance,
    *settings: object,
) -> str:
    facts = [__version__, _FORMAT, name, list(classes), list(splits.items()), asdict(provenance), settings]
    digest = sha256(json.dumps(facts, ensure_ascii=True).encode())
    for one in sorted(digests):
        digest.update(one.encode())
    return digest.hexdigest()

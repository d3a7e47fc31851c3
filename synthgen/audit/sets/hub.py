"""Hugging Face datasets: saved to disk, or on the hub; in memory's reach or streamed."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from synthgen.audit.sets.features import encoded, image_column, names_of
from synthgen.audit.sets.image_set import BATCH
from synthgen.audit.sets.parquet import named
from synthgen.audit.sets.reading import reading
from synthgen.errors import UsageError

STREAM_FROM = 2 * 10**9
"""Bytes to download, from which a set is streamed."""


class HubSet:
    """An `ImageSet` of `datasets`' splits, one after the other, whether `Dataset` or `IterableDataset`."""

    def __init__(self, name: str, source: str, splits: Mapping[str, Any]) -> None:
        from datasets import Image

        self.name, self.source = name, source
        first = next(iter(splits.values()))
        features = first.features if first.features is not None else first._resolve_features().features
        self._features = features
        self._image = image_column(features)
        if self._image is None:
            self._splits = list(splits.values())
        else:
            self._splits = [each.cast_column(self._image, Image(decode=False)) for each in splits.values()]
        self.columns = tuple(name for name in features if name != self._image)
        self.label_columns = tuple(name for name in self.columns if names_of(features, name))
        self.has_images = self._image is not None

    def table(self, columns: Sequence[str]) -> pd.DataFrame:
        with reading(self.name):
            frame = pd.concat([_frame(each, list(columns)) for each in self._splits], ignore_index=True)
        for name in columns:
            if names := names_of(self._features, name):
                frame[name] = named(frame[name], names)
        return frame

    def images(self) -> Iterator[list[bytes | None]]:
        if self._image is None:
            return
        with reading(self.name):
            for split in self._splits:
                for batch in split.select_columns([self._image]).iter(BATCH):
                    yield [encoded(value) for value in batch[self._image]]

    def some(self, rows: Sequence[int]) -> list[bytes | None]:
        wanted, found, start = set(rows), [], 0
        for split in self._splits:
            if hasattr(split, "num_rows"):
                here = [row - start for row in rows if start <= row < start + split.num_rows]
                for first in range(0, len(here), BATCH):
                    few = split.select(here[first : first + BATCH])
                    found += [encoded(value) for value in few[self._image][:]]
                start += split.num_rows
                continue
            for batch in split.select_columns([self._image]).iter(BATCH):
                images = batch[self._image]
                found += [encoded(value) for row, value in enumerate(images, start) if row in wanted]
                start += len(images)
        return found


def read_saved(folder: Path, split: str | None = None) -> HubSet:
    """What `save_to_disk` wrote.

    Raises:
        UsageError: it has no such split.
        StorageError: it is damaged.
    """
    from datasets import load_from_disk

    with reading(str(folder)):
        found = load_from_disk(str(folder))
    return HubSet(folder.resolve().name, f"the dataset {folder}", _splits(found, split, str(folder)))


def read_hub(name: str, split: str | None = None) -> HubSet:
    """A dataset of the hub, streamed where it is large.

    Raises:
        UsageError: there is no such dataset or split, or it has several configurations.
        StorageError: it cannot be had.
    """
    from datasets import load_dataset, load_dataset_builder
    from datasets.exceptions import DatasetNotFoundError

    try:
        with reading(name):
            info = load_dataset_builder(name).info
            large = (info.download_size or STREAM_FROM) >= STREAM_FROM
            found = load_dataset(name, streaming=large)
    except DatasetNotFoundError as error:
        hint = "Expected a run, a dataset, a Parquet file, an image folder or a CSV; or an id such as owner/name."
        raise UsageError(
            f"{name}: there is no such file or folder here, and no such dataset on the hub", hint=hint
        ) from error
    except ValueError as error:
        raise UsageError(
            f"{name}: {str(error).splitlines()[0]}", hint="Download the part to audit, and name its folder."
        ) from error
    how = ", streamed" if large else ""
    return HubSet(name, f"the hub's dataset {name}{how}", _splits(found, split, name))


def _splits(found: Any, split: str | None, where: str) -> dict[str, Any]:
    splits = dict(found) if isinstance(found, dict) else {str(found.split or "all"): found}
    if split is None:
        return splits
    if split not in splits:
        raise UsageError(f"{where} has no split {split!r}", hint=f"It has {', '.join(splits)}.")
    return {split: splits[split]}


def _frame(split: Any, columns: list[str]) -> pd.DataFrame:
    """The columns of a split, without its images."""
    chosen = split.select_columns(columns)
    if hasattr(split, "num_rows"):
        frame: pd.DataFrame = chosen.with_format(None).to_pandas() if columns else pd.DataFrame(index=range(len(split)))
        return frame
    if not columns:
        return pd.DataFrame(index=range(sum(1 for _ in split)))
    return pd.DataFrame(list(chosen), columns=columns)

"""What a card says to programs: where the splits of a dataset are, and of what types its columns."""

from copy import deepcopy
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from synthgen.dataset.formats.format import WrittenSplit
from synthgen.dataset.summary import DatasetSummary, SplitSummary
from synthgen.store.layout import CARD

if TYPE_CHECKING:
    import pyarrow as pa
    from datasets import Features
    from huggingface_hub import DatasetCardData

_LINE_BREAKS = frozenset("\x85\u2028\u2029")
_SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M"))


def front_matter(
    data: "DatasetCardData", summary: DatasetSummary, features: "Features", loaded: WrittenSplit | None
) -> str:
    """Return the YAML of a card: `data`, the size of the dataset and, if `datasets` can read it, how.

    Args:
        features: the types of its columns.
        loaded: a split that `datasets` can read: it says of what types.
    """
    from datasets import DatasetInfo, SplitDict, SplitInfo
    from datasets.info import DatasetInfosDict
    from datasets.utils.metadata import MetadataConfigs

    data["size_categories"] = next((size for bound, size in _SIZES if summary.rows < bound), "n>10M")
    if not loads(summary):
        return as_yaml(data)

    written, splits = [split for split in summary.splits if split.rows], SplitDict()
    for split in written:
        splits.add(SplitInfo(split.name, num_bytes=split.size, num_examples=split.rows))
    info = DatasetInfo(
        features=(loaded and loaded.columns) or features,
        splits=splits,
        download_size=sum(size for split in written for name, size in split.files.items() if _is_read(split, name)),
        dataset_size=sum(split.size for split in written),
    )
    DatasetInfosDict({"default": info}).to_dataset_card_data(data)
    # `datasets` keeps what it has read of a folder under a hash of this alone: without what differs between two sets of
    # the same name and sizes, it gives the rows of the one for the other.
    data["dataset_info"]["description"] = f"made of {summary.inputs}"
    files = [{"split": split.name, "path": split.pattern} for split in written]
    settings = {"features": deepcopy(data["dataset_info"]["features"])} if loaded and loaded.needs_types else {}
    if loaded and loaded.pictures_alone:
        settings |= {"drop_labels": True, "drop_metadata": True}
    MetadataConfigs({"default": {"data_files": files, **settings}}).to_dataset_card_data(data)
    return as_yaml(data)


def write_folder_card(
    folder: Path, format_name: str, summary: DatasetSummary, schema: "pa.Schema", loaded: WrittenSplit | None
) -> None:
    """Write `README.md` into the folder of one of several formats, by which `datasets` can load that format, too.

    Args:
        summary: of what lies in `folder`.
        schema: the columns of its images.
    """
    from datasets import Features
    from huggingface_hub import DatasetCardData

    data = DatasetCardData(pretty_name=f"{summary.name} ({format_name})")
    front = front_matter(data, summary, Features.from_arrow_schema(schema), loaded)
    alone = " That gives pictures without labels." if loaded and loaded.pictures_alone else ""
    text = f"`load_dataset` of this folder reads the dataset as {format_name}.{alone} Its card is `../{CARD}`."
    (folder / CARD).write_text(f"---\n{front}\n---\n\n{text}\n", "utf-8")


def _is_read(split: SplitSummary, name: str) -> bool:
    """Whether `datasets` reads this file of a split. Other formats, and indexes, are for other readers."""
    return split.pattern is not None and fnmatchcase(name, split.pattern)


def as_yaml(data: "DatasetCardData") -> str:
    """Write the front matter. Signs that YAML takes for line breaks would not be read again as they are."""
    text = str(data.to_yaml())
    if _LINE_BREAKS.isdisjoint(text):
        return text
    facts = data.to_dict()  # type: ignore[no-untyped-call]
    return str(yaml.safe_dump(facts, sort_keys=False, allow_unicode=False)).rstrip("\n")


def loads(summary: DatasetSummary) -> bool:
    """Whether the format says how `datasets` finds its files."""
    return all(split.pattern for split in summary.splits if split.rows)

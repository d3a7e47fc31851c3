"""The README of a joined set: what is real in it, what is synthetic, and what was made of both."""

from collections.abc import Collection
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from synthgen.dataset.card import markdown
from synthgen.dataset.joining.images import JoinedImages
from synthgen.dataset.joining.side import JoinedSide
from synthgen.dataset.summary import DatasetSummary
from synthgen.store.layout import CARD
from synthgen.version import __version__

_CLASSES = 200
"""At most this many are shown."""
_LEAKS = 20
_SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M"))


def write_joined_card(
    folder: Path,
    summary: DatasetSummary,
    sides: tuple[JoinedSide, JoinedSide],
    images: JoinedImages,
    left_out: Collection[str],
) -> None:
    """Write `README.md`. It tells `datasets.load_dataset(folder)` and the Hub's viewer the splits and types."""
    environment = Environment(
        loader=PackageLoader("synthgen.dataset.joining", "."),
        finalize=markdown,  # every expression is a text that Markdown and HTML take literally
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
    )
    body = environment.get_template("card.md.j2").render(
        summary=summary,
        version=__version__,
        real=sides[0],
        synthetic=sides[1],
        origins=images.origins,
        shown=list(summary.classes)[:_CLASSES],
        hidden=max(0, len(summary.classes) - _CLASSES),
        leaks=images.leaks[:_LEAKS],
        leaking=len(images.leaks),
        only=[
            (side.title, ", ".join(name for name in side.columns.names if name not in other.columns.names))
            for side, other in (sides, sides[::-1])
        ],
        left_out=", ".join(sorted(left_out)),
    )
    (folder / CARD).write_text(f"---\n{_front_matter(summary, images)}\n---\n\n{body}\n", "utf-8")


def _front_matter(summary: DatasetSummary, images: JoinedImages) -> str:
    from datasets import DatasetInfo, SplitDict, SplitInfo
    from datasets.info import DatasetInfosDict
    from datasets.utils.metadata import MetadataConfigs
    from huggingface_hub import DatasetCardData

    data = DatasetCardData(
        pretty_name=summary.name,
        size_categories=next((size for bound, size in _SIZES if summary.rows < bound), "n>10M"),
        task_categories=["image-classification"],
        tags=["synthetic", "machine-generated", "synthgen"],
    )
    written, splits = [split for split in summary.splits if split.rows], SplitDict()
    for split in written:
        splits.add(SplitInfo(split.name, num_bytes=split.size, num_examples=split.rows))
    info = DatasetInfo(
        features=images.features,
        splits=splits,
        download_size=sum(sum(split.files.values()) for split in written),
        dataset_size=sum(split.size for split in written),
    )
    DatasetInfosDict({"default": info}).to_dataset_card_data(data)
    # See `synthgen.dataset.card`: `datasets` takes two sets of one name and size for the same without it.
    data["dataset_info"]["description"] = f"made of {summary.inputs}"
    files = [{"split": split.name, "path": split.pattern} for split in written]
    MetadataConfigs({"default": {"data_files": files}}).to_dataset_card_data(data)
    return str(data.to_yaml())

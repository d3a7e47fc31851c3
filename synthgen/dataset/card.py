"""The dataset's README: what it is, how it was made, and what it is not."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from synthgen.dataset.provenance import Provenance
from synthgen.dataset.summary import DatasetSummary
from synthgen.dataset.tally import MEANINGS

_SIZES = (
    (10**3, "n<1K"),
    (10**4, "1K<n<10K"),
    (10**5, "10K<n<100K"),
    (10**6, "100K<n<1M"),
    (10**7, "1M<n<10M"),
)


def write_card(folder: Path, summary: DatasetSummary, provenance: Provenance, features: Any) -> None:
    """Write `README.md`. From it `datasets.load_dataset(folder)` and the Hub's viewer know splits and types.

    `features` is a `datasets.Features`.
    """
    text = f"---\n{_front_matter(summary, provenance, features)}\n---\n\n{_body(summary, provenance)}\n"
    (folder / "README.md").write_text(text, "utf-8")


def markdown(value: object) -> str:
    """`value` on one line, as text that Markdown and HTML take literally."""
    text = " ".join(str(value).split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]#!|~$@]|:(?=//))", r"\\\1", text)


def fenced(text: str, language: str) -> str:
    """A code block whose fence is longer than any in `text`."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def _front_matter(summary: DatasetSummary, provenance: Provenance, features: Any) -> str:
    from datasets import DatasetInfo, SplitDict, SplitInfo
    from datasets.info import DatasetInfosDict
    from datasets.utils.metadata import MetadataConfigs
    from huggingface_hub import DatasetCardData

    data = DatasetCardData(
        pretty_name=summary.name,
        license=provenance.licence,
        size_categories=next((size for bound, size in _SIZES if summary.rows < bound), "n>10M"),
        task_categories=["image-classification"],
        tags=["synthetic", "synthgen", "diffusion"],
    )
    splits = SplitDict()
    for split in summary.splits:
        if split.rows:
            splits.add(SplitInfo(split.name, num_bytes=split.size, num_examples=split.rows))
    info = DatasetInfo(
        features=features,
        splits=splits,
        download_size=sum(sum(split.files.values()) for split in summary.splits),
        dataset_size=sum(split.size for split in summary.splits),
    )
    DatasetInfosDict({"default": info}).to_dataset_card_data(data)
    files = [{"split": split.name, "path": f"data/{split.name}-*.parquet"} for split in summary.splits if split.rows]
    MetadataConfigs({"default": {"data_files": files}}).to_dataset_card_data(data)
    return str(data.to_yaml())


def _body(summary: DatasetSummary, provenance: Provenance) -> str:
    # What a template prints is escaped unless it says otherwise: `finalize` sees every expression.
    environment = Environment(
        loader=PackageLoader("synthgen.dataset", "."),
        finalize=lambda value: value if isinstance(value, _Literal) else markdown(value),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
    )
    totals: Mapping[str, int] = provenance.tally.others
    return environment.get_template("card.md.j2").render(
        summary=summary,
        provenance=provenance,
        tally=provenance.tally,
        others=[(reason, count, MEANINGS.get(reason, "")) for reason, count in totals.items()],
        spec=_Literal(fenced(provenance.spec, "yaml")),
    )


class _Literal(str):
    """Markdown already."""

    __slots__ = ()

"""The README of an exported set: where it comes from, and the card of the dataset that it was, if it was one."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from synthgen.dataset.card import markdown
from synthgen.dataset.formats.format import WrittenSplit
from synthgen.dataset.front_matter import front_matter, loads
from synthgen.dataset.summary import DatasetSummary
from synthgen.dataset.templates import card_template
from synthgen.store.layout import CARD, ORIGIN
from synthgen.version import __version__

if TYPE_CHECKING:
    from datasets import Features

_CLASSES = 200
"""At most this many are shown."""
_FRONT = re.compile(r"\A---\n(.*?)\n---\n", re.DOTALL)
_KEPT = ("license", "license_name", "license_link", "task_categories", "tags", "language")
"""What the front matter of a dataset's card says of its images, however they are stored."""


@dataclass(frozen=True, slots=True)
class SetOrigin:
    """What is exported.

    Attributes:
        name: the set's own.
        source: what it is, in words.
        digest: of all of it.
        classes: in the order of their numbers.
        left_out: what is not carried over, such as columns, each with the reason.
        card, provenance: `README.md` and `provenance.json` of the dataset, if it has them.
    """

    name: str
    source: str
    digest: str
    classes: tuple[str, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)
    card: str | None = None
    provenance: str | None = None


def write_set_card(
    folder: Path, summary: DatasetSummary, origin: SetOrigin, features: "Features", loaded: WrittenSplit | None
) -> None:
    """Write `README.md`, and the dataset's `provenance.json` if it had one.

    The card tells `datasets.load_dataset(folder)` and the Hub's viewer the splits and types.

    Args:
        loaded: a split that `datasets` can read.
    """
    from huggingface_hub import DatasetCardData

    body = card_template("synthgen.dataset", "set_card.md.j2", markdown).render(
        summary=summary,
        origin=origin,
        version=__version__,
        loads=loads(summary),
        pictures_alone=loaded is not None and loaded.pictures_alone,
        shown=list(summary.classes)[:_CLASSES],
        hidden=max(0, len(summary.classes) - _CLASSES),
    )
    kept, before = _parted(origin.card)
    data = DatasetCardData(pretty_name=summary.name)
    for key, value in kept.items():
        data[key] = value
    text = f"---\n{front_matter(data, summary, features, loaded)}\n---\n\n{body}\n"
    if before:
        text += f"\nWhat follows is the card of the dataset that was exported.\n\n---\n\n{before}\n"
    (folder / CARD).write_text(text, "utf-8")
    if origin.provenance is not None:
        (folder / ORIGIN).write_text(origin.provenance, "utf-8")


def _parted(card: str | None) -> tuple[dict[str, object], str]:
    """Return what a dataset's own card says to programs of its images, and its text."""
    import yaml

    if card is None or (found := _FRONT.match(card)) is None:
        return {}, (card or "").strip()
    front = yaml.safe_load(found[1])
    kept = {key: front[key] for key in _KEPT if key in front} if isinstance(front, dict) else {}
    return kept, card[found.end() :].strip()

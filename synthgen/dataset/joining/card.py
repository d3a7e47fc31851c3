"""The README of a joined set: what is real in it, what is synthetic, and what was made of both."""

from collections.abc import Collection
from pathlib import Path

from synthgen.dataset.card import markdown
from synthgen.dataset.formats.format import WrittenSplit
from synthgen.dataset.front_matter import front_matter
from synthgen.dataset.joining.images import JoinedImages
from synthgen.dataset.joining.side import JoinedSide, unread_of
from synthgen.dataset.summary import DatasetSummary
from synthgen.dataset.templates import card_template
from synthgen.store.layout import CARD, CONTACT
from synthgen.version import __version__

_CLASSES = 200
"""At most this many are shown."""
_LEAKS = 20
_TAGS = ["synthetic", "machine-generated", "synthgen"]


def write_joined_card(
    folder: Path,
    summary: DatasetSummary,
    sides: tuple[JoinedSide, JoinedSide],
    images: JoinedImages,
    left_out: Collection[str],
    loaded: WrittenSplit | None,
) -> None:
    """Write `README.md`. It tells `datasets.load_dataset(folder)` and the Hub's viewer the splits and types.

    Args:
        loaded: a split that `datasets` can read.
    """
    from huggingface_hub import DatasetCardData

    body = card_template("synthgen.dataset.joining", "card.md.j2", markdown).render(
        summary=summary,
        version=__version__,
        has_sheet=(folder / CONTACT).is_file(),
        real=sides[0],
        synthetic=sides[1],
        origins=images.origins,
        shown=list(summary.classes)[:_CLASSES],
        hidden=max(0, len(summary.classes) - _CLASSES),
        leaks=images.leaks[:_LEAKS],
        leaking=len(images.leaks),
        copies=images.copies,
        conflicts=images.conflicts[:_LEAKS],
        conflicting=len(images.conflicts),
        repeats=images.repeats,
        only=[
            (side.title, ", ".join(name for name in side.columns.names if name not in other.columns.names))
            for side, other in (sides, sides[::-1])
        ],
        left_out=", ".join(sorted(left_out)),
        unread=unread_of(*sides),
    )
    data = DatasetCardData(pretty_name=summary.name, task_categories=["image-classification"], tags=_TAGS)
    front = front_matter(data, summary, images.features, loaded)
    (folder / CARD).write_text(f"---\n{front}\n---\n\n{body}\n", "utf-8")

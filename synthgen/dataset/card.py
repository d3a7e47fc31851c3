"""The dataset's README: what it is, how it was made, and what it is not."""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from synthgen.dataset.columns import explained
from synthgen.dataset.contact import CONTACT_CLASSES
from synthgen.dataset.formats.format import WrittenSplit
from synthgen.dataset.front_matter import front_matter, loads
from synthgen.dataset.provenance import Provenance
from synthgen.dataset.select import SplitRules
from synthgen.dataset.summary import DatasetSummary
from synthgen.dataset.templates import card_template
from synthgen.inert import inert
from synthgen.ledger.columns import BOXES, MASK, MASKS, SOURCE_ID, SOURCE_LABEL
from synthgen.ledger.composition import CellCount, Composition
from synthgen.ledger.review import NO_REVIEW, Review
from synthgen.ledger.tally import MEANINGS, ClassTally
from synthgen.spec import DuplicateFilter
from synthgen.store.layout import CONTACT

if TYPE_CHECKING:
    from datasets import Features

_NO_RULES = SplitRules({})
_CELLS = 400
"""At most this many are shown."""
_LONG = 600
"""Facts are cut after so many characters."""
_CLASSES = 20
"""With more than this many, an attribute that nothing balances is shown for all of them together."""

_COMMIT = re.compile(r"[0-9a-f]{40}")
_TASKS = {BOXES: "object-detection", MASK: "image-segmentation", MASKS: "image-segmentation"}
"""What a column is for, as the Hub calls it. No dataset has both a mask of its pictures and masks that were found."""


def write_card(
    folder: Path,
    summary: DatasetSummary,
    provenance: Provenance,
    features: "Features",
    composition: Composition,
    drop: DuplicateFilter | None = None,
    review: Review = NO_REVIEW,
    rules: SplitRules | None = None,
    loaded: WrittenSplit | None = None,
) -> None:
    """Write `README.md`. It tells `datasets.load_dataset(folder)` and the Hub's viewer the splits and types.

    It shows the contact sheet, if that is in the folder.

    Args:
        features: a `datasets.Features`.
        composition: that of the images in the dataset.
        drop: the rule by which images that repeat another were left out.
        review: the images that reviewers took out or in.
        rules: how images were divided.
        loaded: a split that `datasets` can read: it says of what types.
    """
    has_sheet = (folder / CONTACT).is_file()
    body = _body(
        summary,
        provenance,
        composition,
        drop,
        review,
        [*features],
        rules or _NO_RULES,
        has_sheet=has_sheet,
        pictures_alone=loaded is not None and loaded.pictures_alone,
    )
    text = f"---\n{_front_matter(summary, provenance, features, loaded)}\n---\n\n{body}\n"
    (folder / "README.md").write_text(text, "utf-8")


def markdown(value: object) -> str:
    """`value` on one line, as text that Markdown and HTML take literally."""
    text = " ".join(inert(str(value)).split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]#!|~$@]|:(?=//))", r"\\\1", text)


def fenced(text: str, language: str) -> str:
    """A code block whose fence is longer than any in `text`."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def _front_matter(
    summary: DatasetSummary, provenance: Provenance, features: "Features", loaded: WrittenSplit | None
) -> str:
    from huggingface_hub import DatasetCardData

    data = DatasetCardData(
        pretty_name=summary.name,
        license=provenance.licence or "unknown",
        task_categories=["image-classification", *(task for column, task in _TASKS.items() if column in features)],
        tags=["synthetic", "machine-generated", "synthgen", "diffusion"],
    )
    return front_matter(data, summary, features, loaded)


def _body(
    summary: DatasetSummary,
    provenance: Provenance,
    composition: Composition,
    drop: DuplicateFilter | None,
    review: Review,
    columns: Collection[str],
    rules: SplitRules,
    *,
    has_sheet: bool,
    pictures_alone: bool,
) -> str:
    totals: Mapping[str, int] = provenance.tally.others
    return card_template("synthgen.dataset", "card.md.j2", _printed).render(
        summary=summary,
        loads=loads(summary),
        pictures_alone=pictures_alone,
        missing=summary.missing({kind.name: kind.quota for kind in provenance.tally.classes}),
        made=_made(provenance),
        metadata={key: _shown(value) for key, value in provenance.metadata.items()},
        tally=provenance.tally,
        kinds=_kinds(summary, provenance),
        drop=drop,
        rules=rules,
        sourced=SOURCE_ID in columns,
        relabelled=SOURCE_LABEL in columns,
        columns=[([_code(name) for name in names], entry) for names, entry in explained(columns)],
        literal=_Literal,
        runs=[(split.name, split.label_runs) for split in summary.splits if split.rows and split.label_runs],
        reviewed=[(is_in, *key, count) for is_in in (False, True) for key, count in review.counts(is_in=is_in).items()],
        balanced=provenance.asked.balanced,
        cells=_cells(summary, composition),
        measured=_measured(summary, composition),
        others=[(reason, count, MEANINGS.get(reason, "")) for reason, count in totals.items()],
        sheet=CONTACT if has_sheet else None,
        shown_classes=min(len(summary.classes), CONTACT_CLASSES),
        licences=[{**found, "read": _read_in(found)} for found in provenance.licences],
        tuned=_tuned(provenance),
        points=[(point.key.removeprefix("10(2)"), point) for point in provenance.questions],
        audited=provenance.audited,
        evaluated=provenance.evaluated,
        remake=_Literal(fenced(provenance.remake, "sh")),
        commit=provenance.model_revision if _COMMIT.fullmatch(provenance.model_revision or "") else None,
        spec=_Literal(fenced(provenance.spec, "yaml")),
        resolved=_Literal(fenced(provenance.resolved, "yaml")) if provenance.resolved else None,
    )


def _kinds(summary: DatasetSummary, provenance: Provenance) -> list[ClassTally]:
    """The counts of each class of the dataset, in the order of labels."""
    kinds = {kind.name: kind for kind in provenance.tally.classes}
    return [kinds[name] for name in summary.classes if name in kinds]


def _tuned(provenance: Provenance) -> Mapping[str, Mapping[str, object]]:
    """What adapters were tuned on, by name."""
    revisions = provenance.origin.get("revisions")
    found = revisions.get("tuned") if isinstance(revisions, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _read_in(found: Mapping[str, object]) -> str:
    """Link to where a licence was read. The addresses are those of synthgen's own table."""
    sources = found["sources"]
    assert isinstance(sources, list)
    return _Literal(", ".join(f"[text]({url})" for url in sources) or "–")


def _code(name: str) -> str:
    return _Literal(f"`{name}`") if re.fullmatch(r"[\w .-]+", name) else name


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _made(provenance: Provenance) -> dict[str, str]:
    """How it was made, each fact once: settings and versions repeat some of those above them."""
    own = {"model": provenance.model, "revision": provenance.model_revision or "", "judge": provenance.judge}
    made = {key: value for key, value in own.items() if value} | dict(provenance.settings)
    made["plan"] = provenance.fingerprint
    made["format"] = str(provenance.format)
    made["pictures"] = str(provenance.encoding)
    made["marks"] = str(provenance.marking) if provenance.marking else "none"
    if provenance.signed_by:
        made["signed by"] = str(provenance.signed_by)
    for key, value in provenance.versions.items():
        name = key.rpartition(".")[2]
        if all((name, value) != (told.rpartition(".")[2], made[told]) for told in made):
            made[key] = (
                value if len(value) <= _LONG else f"{value[:_LONG]} ... (in full in the run's markers, done/*.json)"
            )
    return made


@dataclass(frozen=True, slots=True)
class _Cells:
    """The cells of a balanced dataset as a table: a column for each value of the last attribute, rows for the rest.

    Attributes:
        rows: class and other values, and the cell in each column; None where nothing is asked for.
        left_out: how many rows are not shown.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[tuple[str, ...], tuple[CellCount | None, ...]], ...]
    left_out: int


def _cells(summary: DatasetSummary, composition: Composition) -> _Cells | None:
    rows: dict[tuple[str, ...], dict[str, CellCount]] = {}
    for name in summary.classes:
        for (*others, last), part in composition.cells_of(name).items():
            rows.setdefault((name, *others), {})[last] = part
    if not rows:
        return None
    there = {last for row in rows.values() for last in row}
    columns = tuple(answer for answer in composition.asked.answers[composition.asked.balanced[-1]] if answer in there)
    lacking = {key: sum(part.short for part in row.values()) for key, row in rows.items()}
    limit = max(1, _CELLS // len(columns))
    shown = set(sorted(rows, key=lambda key: -lacking[key])[:limit])
    return _Cells(
        columns,
        tuple((key, tuple(row.get(column) for column in columns)) for key, row in rows.items() if key in shown),
        len(rows) - len(shown),
    )


def _measured(summary: DatasetSummary, composition: Composition) -> dict[str, dict[str, list[CellCount]]]:
    """Every answer, by attribute that nothing balances and by class; with many classes, for all of them together."""
    classes = list(summary.classes) if len(summary.classes) <= _CLASSES else []
    return {
        name: {kind: composition.answers_of(name, kind) for kind in classes} or {"all": composition.answers_of(name)}
        for name in composition.free
    }


def _printed(value: object) -> str:
    """What a template prints is escaped unless it says otherwise."""
    return value if isinstance(value, _Literal) else markdown(value)


class _Literal(str):
    """Text that is already Markdown."""

    __slots__ = ()

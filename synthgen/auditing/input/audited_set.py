"""What is audited: a set of images, and the run that made it, if any."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from synthgen.errors import UsageError
from synthgen.files import as_damage, expanded, refuse_links
from synthgen.ledger.columns import CELL_AIMED, EMBEDDING, attribute
from synthgen.ledger.review import NO_REVIEW, Review
from synthgen.spec import Attribute
from synthgen.store.layout import DATASET, LEDGER, PLAN

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray

    from synthgen.planning import Plan
    from synthgen.sets import ImageSet, SetSource


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """A finished run: its plan, the files that it committed, and what reviewers decided about them."""

    folder: Path
    planned: Plan
    images: tuple[Path, ...]
    ledgers: tuple[Path, ...]
    review: Review = NO_REVIEW


OpenRun = Callable[[Path], RecordedRun]


@dataclass(frozen=True, slots=True)
class AuditedSet:
    """An audited set of images.

    Attributes:
        run: the run that made the set; None if none is known.
    """

    images: ImageSet
    run: RecordedRun | None


def open_audited(
    place: SetSource,
    open_run: OpenRun,
    split: str | None = None,
    images_from: Path | None = None,
    *,
    classless: bool = False,
) -> AuditedSet:
    """Open a set, with its run if it has one.

    Args:
        place: as in `open_set`, or a run.
        open_run: reads the plan and the committed files of the run in a folder.
        images_from, classless: as in `open_set`.

    Raises:
        UsageError: `place` has nothing to audit, or its run is not finished.
        StorageError: `place` cannot be read.
    """
    from synthgen.sets import open_set

    if not isinstance(place, str | os.PathLike):
        return AuditedSet(open_set(place, split, images_from, classless=classless), None)

    folder = expanded(place)
    if folder.name == DATASET and (folder.parent / PLAN).is_file():
        folder = folder.parent
    if not (folder / PLAN).is_file():
        return AuditedSet(open_set(place, split, images_from, classless=classless), None)

    run = open_run(folder)
    if not (folder / DATASET).is_dir():
        raise UsageError(f"{folder}: the run has no dataset yet", hint=f"Run `synthgen finalize {folder}` first.")
    for path in (folder / DATASET, *(folder / DATASET).rglob("*")):
        refuse_links(folder, path)
    images = open_set(folder / DATASET, split)
    images.name, images.source = run.planned.spec.name, f"the run {folder}"
    return AuditedSet(images, run)


def read_ledger(run: RecordedRun, attributes: Sequence[str]) -> tuple[pd.DataFrame, list[str]]:
    """Read every attempt for `read_pipeline` and `read_entanglement`, and name the columns of prompts' variables.

    Images that a reviewer took out or in have the verdict that this gave them.
    """
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    from synthgen.auditing.entanglement import AIMED

    columns = ["class", "verdict", "reason", "variables", CELL_AIMED, *(attribute(name) for name in attributes)]
    tables, prompted = [], []
    for file in run.ledgers:
        with as_damage(file):
            table = _reviewed(pq.read_table(file, columns=["id", *columns]), run.review)
            tables.append(table.select(columns))
            prompted += [dict(json.loads(text or "{}")) for text in tables[-1]["variables"].to_pylist()]
    with as_damage(run.folder / LEDGER):
        frame: pd.DataFrame = pa.concat_tables(tables).replace_schema_metadata(None).to_pandas()
    frame = frame.drop(columns="variables").rename(
        columns={"class": "label", CELL_AIMED: AIMED, **{attribute(name): name for name in attributes}}
    )
    variables = pd.DataFrame(prompted, index=frame.index).add_prefix("variable ")
    return pd.concat([frame, variables], axis=1), list(variables.columns)


def _reviewed(table: pa.Table, review: Review) -> pa.Table:
    if not review:
        return table
    import pyarrow as pa

    now = [review.read(row) for row in table.select(["id", "verdict", "reason"]).to_pylist()]
    for name in ("verdict", "reason"):
        place, column = table.schema.get_field_index(name), table.schema.field(name)
        # With its own type: a column of a shard without any reason would get the type of nothing.
        table = table.set_column(place, column, pa.array([row[name] for row in now], column.type))
    return table


def recorded_vectors(run: RecordedRun, ids: Sequence[str]) -> NDArray[np.float32] | None:
    """Read the embeddings of these images by the filtering judge; None if some are missing."""
    import numpy as np
    import pyarrow.parquet as pq

    found: dict[str, NDArray[np.float16]] = {}
    ledgers = run.ledgers if run.review.included else ()
    for file in (*run.images, *ledgers):
        with as_damage(file):
            if EMBEDDING not in pq.read_schema(file).names:
                continue
            table = pq.read_table(file, columns=["id", EMBEDDING])
            names, vectors = table["id"].to_pylist(), table[EMBEDDING].to_numpy()
            found |= {name: each for name, each in zip(names, vectors, strict=True) if each is not None}
    if not ids or not all(name in found for name in ids):
        return None
    stacked: NDArray[np.float32] = np.stack([found[name] for name in ids]).astype(np.float32)
    stacked /= np.linalg.norm(stacked, axis=1, keepdims=True)
    return stacked


def recorded_answers(images: ImageSet, names: Sequence[str]) -> pd.DataFrame:
    """Read the answers of the filtering judge."""
    return images.table([attribute(name) for name in names]).rename(columns={attribute(name): name for name in names})


def was_asked(run: RecordedRun, attributes: Mapping[str, Attribute]) -> bool:
    """Tell whether the run's judge was asked exactly these attributes of every image."""
    theirs = run.planned.spec.attributes
    return all(
        name in theirs and (theirs[name].groups, theirs[name].abstain_below) == (each.groups, each.abstain_below)
        for name, each in attributes.items()
    )

"""Folders of links: the settings of a model without its weights, or its parts beside another list of them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from synthgen.models.content import files_of
from synthgen.models.modular import MODULAR
from synthgen.models.source import INDEXES, ModelSource

_SETTINGS = (".json", ".txt", ".model")


@contextmanager
def settings_alone(source: ModelSource) -> Iterator[Path]:
    """Link the settings and tokenizers of a model, and none of its weights: a library could take those instead."""
    base = source.folder
    assert base is not None, "what is on the hub is downloaded first"
    with TemporaryDirectory(prefix="synthgen-settings-") as place:
        for file in files_of(base):
            name = file.relative_to(base)
            if file.suffix in _SETTINGS and not name.name.endswith(".index.json") and name.as_posix() not in INDEXES:
                link = Path(place) / name
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(file.resolve())
        _write_index(source, Path(place))
        yield Path(place)


@contextmanager
def with_index(source: ModelSource) -> Iterator[Path]:
    """Link the parts of a modular pipeline, beside the list of parts that the pipeline of its family has."""
    base = source.folder
    assert base is not None, "what is on the hub is downloaded first"
    with TemporaryDirectory(prefix="synthgen-parts-") as place:
        for part in base.iterdir():
            if part.is_dir() and not part.name.startswith("."):
                (Path(place) / part.name).symlink_to(part.resolve())
        _write_index(source, Path(place))
        yield Path(place)


def is_modular(source: ModelSource) -> bool:
    """Whether a model's list of parts is that of a modular pipeline."""
    return MODULAR in source.read_json(INDEXES[0])


def _write_index(source: ModelSource, place: Path) -> None:
    index = {name: value for name, value in source.read_json(INDEXES[0]).items() if name != MODULAR}
    (place / INDEXES[0]).write_text(json.dumps(index), encoding="utf-8")

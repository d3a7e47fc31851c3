"""The settings of a model without its weights, in a folder of their own."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from synthgen.bounded import MOST_OF_A_MODEL, read_bounded
from synthgen.models.content import files_of
from synthgen.models.modular import MODULAR
from synthgen.models.source import INDEXES, ModelSource

_SETTINGS = (".json", ".txt", ".model", ".jinja")


@contextmanager
def settings_alone(source: ModelSource) -> Iterator[Path]:
    """Copy the settings and tokenizers of a model, and none of its weights: a library could take those instead.

    Raises:
        OSError: a file cannot be read, or is larger than settings are.
    """
    base = source.folder
    assert base is not None, "what is on the hub is downloaded first"
    with TemporaryDirectory(prefix="synthgen-settings-") as place:
        for file in files_of(base):
            name = file.relative_to(base)
            if file.suffix in _SETTINGS and not name.name.endswith(".index.json") and name.as_posix() not in INDEXES:
                (Path(place) / name).parent.mkdir(parents=True, exist_ok=True)
                (Path(place) / name).write_bytes(read_bounded(file, MOST_OF_A_MODEL))
        _write_index(source, Path(place))
        yield Path(place)


def is_modular(source: ModelSource) -> bool:
    """Whether a model's list of parts is that of a modular pipeline."""
    return MODULAR in source.read_json(INDEXES[0])


def _write_index(source: ModelSource, place: Path) -> None:
    index = {name: value for name, value in source.read_json(INDEXES[0]).items() if name != MODULAR}
    (place / INDEXES[0]).write_text(json.dumps(index), encoding="utf-8")

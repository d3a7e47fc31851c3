"""Components that take the place of a pipeline's own: each opened by its own class, from a folder or from one file."""

import torch
from torch import nn

from synthgen.errors import ModelError
from synthgen.generating.loading_errors import check_set, loading_errors
from synthgen.models.assembled import settings_alone
from synthgen.models.door import ModelKind, open_model
from synthgen.models.part_source import PartSource
from synthgen.models.source import ModelSource


def open_part(part: PartSource, source: ModelSource, dtype: torch.dtype, variant: str | None = None) -> object:
    """Open a component.

    Args:
        source: the pipeline that it is for; its settings say how a file is read.

    Raises:
        ModelError: its weights cannot be loaded, or are not all there.
        DeviceError: memory ran out.
    """
    kind = source.read_json("model_index.json").get(part.name)
    what, place = f"component {part.name} ({part.location})", part.here
    if place is None or not isinstance(kind, list):
        raise ModelError(f"{what} is not here", hint="Check model.components.")
    options: dict[str, object] = {"part": tuple(kind), "dtype": dtype}
    if kind[1].endswith(("Tokenizer", "TokenizerFast")):
        return open_model(ModelKind.PART, place, part=tuple(kind))
    with loading_errors(what):
        if not part.is_file:
            return open_model(ModelKind.PART, place, variant=variant, **options)
        with settings_alone(source) as folder:
            opened = open_model(ModelKind.PART_FILE, place, config=folder, subfolder=part.name, **options)
        assert isinstance(opened, nn.Module)
        check_set(what, part.name, opened)
        return opened

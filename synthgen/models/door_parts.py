"""What the door checks of components, and of pipelines in one file."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from synthgen.errors import UsageError
from synthgen.models.pipeline_files import check_pipeline_files
from synthgen.models.weight_headers import shapes_in


def given_parts(given: object) -> dict[str, object]:
    """Check that components are models and tokenizers that were opened, and not options.

    Raises:
        TypeError: one is something else.
    """
    assert isinstance(given, Mapping)
    if not given:
        return {}
    from torch import nn
    from transformers import PreTrainedTokenizerBase

    if strange := [name for name, part in given.items() if not isinstance(part, nn.Module | PreTrainedTokenizerBase)]:
        raise TypeError(f"{strange[0]} is not a component")
    return dict(given)


def names_of(given: object) -> list[str]:
    """Return the names of parts that are not to be downloaded."""
    assert isinstance(given, Collection)
    return [str(name) for name in given]


def opener_of_part(part: object, opener: str) -> Callable[..., object]:
    """Find the function that opens a component.

    Args:
        part: the library and the name of its class.
        opener: what the function is called.

    Raises:
        TypeError: there is no such component.
    """
    import diffusers
    import transformers

    library, name = part if isinstance(part, tuple) else (None, None)
    found = getattr({"diffusers": diffusers, "transformers": transformers}.get(library), str(name), None)
    bases = (diffusers.ModelMixin, transformers.PreTrainedModel, transformers.PreTrainedTokenizerBase)
    if not (isinstance(found, type) and issubclass(found, bases) and hasattr(found, opener)):
        raise TypeError(f"{library} has no component {name} with {opener}")
    return getattr(found, opener)  # type: ignore[no-any-return] # each has it


def settings_of(options: Mapping[str, object]) -> dict[str, object]:
    """Check the folder that has the settings of a file: without it, diffusers would look for some on the hub.

    Raises:
        TypeError: there is none.
        UsageError: a file in it leads out of it.
    """
    folder = options.get("config")
    if not (isinstance(folder, Path) and folder.is_dir()):
        raise TypeError(f"a file is opened with a folder of settings, not with {folder!r}")
    check_pipeline_files(folder)
    return {"config": str(folder), "local_files_only": True}


def check_weights(file: Path) -> None:
    """Check that a file is a whole one of safetensors: diffusers would take any other ending for a pickle's.

    Raises:
        UsageError: it is not.
    """
    hint = "Only safetensors are read: download it again, or choose another file."
    try:
        if file.suffix != ".safetensors":
            raise ValueError("its name does not end in .safetensors")
        shapes_in(file)
    except (OSError, ValueError) as error:
        raise UsageError(f"{file} is refused: {error}", hint=hint) from error

"""A spec as its author wrote it, and what the command line changes in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SpecText:
    """The text of a spec.

    Attributes:
        file: what messages call it.
        has_lines: false if the source was not a text, so that line numbers would mean nothing.
        folder: the folder of its file, which paths in it are relative to; empty for the working folder, None if the
            text comes from no file.
    """

    text: str
    file: str
    has_lines: bool = True
    folder: str | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """What is changed in a spec without touching its file.

    Attributes:
        overrides: such as "model.steps=20", applied in order.
        files: such as "prompts.templates=prompts.txt", or a file of keys; applied before `overrides`.
        variables: what `${NAME}` stands for, instead of the value in `vars`.
        reads_prompts: whether the file of `prompts.expand` is read; before the model was asked, there is none.
    """

    overrides: Sequence[str] = ()
    files: Sequence[str] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    reads_prompts: bool = True


NO_CHANGES = Settings()

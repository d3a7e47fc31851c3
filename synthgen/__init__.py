"""Labelled image datasets from diffusion models.

The Python face is `synthgen.api`; it is imported on first use, so that `import synthgen` costs nothing.
"""

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import synthgen.api as api  # noqa: PLR0402 - mypy looks for the other form in this file

__version__ = "0.1.0"
__all__ = ["__version__", "api"]


def __getattr__(name: str) -> ModuleType:
    if name == "api":
        return import_module("synthgen.api")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

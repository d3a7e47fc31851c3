"""Labelled image datasets from diffusion models.

The Python face is `synthgen.api`, and `synthgen.audit(..)` is short for `synthgen.api.audit(..)`; they are imported on
first use, so that `import synthgen` costs nothing.
"""

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from synthgen.version import __version__

if TYPE_CHECKING:
    import synthgen.api as api  # noqa: PLR0402 - mypy looks for the other form in this file
    import synthgen.auditing as audit

__all__ = ["__version__", "api", "audit"]


def __getattr__(name: str) -> ModuleType:
    if name in ("api", "audit"):
        return import_module(f"synthgen.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

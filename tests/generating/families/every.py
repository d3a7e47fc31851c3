"""All families, from whatever modules of this package define some."""

import importlib
import pkgutil

from tests.generating import families
from tests.generating.families.family import Family

ALL: dict[str, Family] = {}
for found in pkgutil.iter_modules(families.__path__):
    if not found.name.startswith(("test_", "every")):
        ALL |= getattr(importlib.import_module(f"{families.__name__}.{found.name}"), "FAMILIES", {})

"""A labelled set of images -> findings: what is in it, with the uncertainty that an auditor would sign.

Called like a function, as `synthgen.audit(..)`, this package is `synthgen.api.audit`, which puts it together with the
rooms that it does not know. That one is found by its name, when it is called.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any


class _Callable(ModuleType):
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return import_module("synthgen.api").audit(*args, **kwargs)


sys.modules[__name__].__class__ = _Callable

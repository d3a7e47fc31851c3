"""Cards as templates: each is compiled once in a process."""

from collections.abc import Callable
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template


@cache
def card_template(room: str, name: str, finalize: Callable[[object], object]) -> Template:
    """Return a template of the package `room`.

    Args:
        finalize: sees every expression that the template prints, and makes a text that Markdown takes literally.
    """
    environment = Environment(
        loader=PackageLoader(room, "."),
        finalize=finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
    )
    return environment.get_template(name)

"""Plug-ins: what installed distributions add to synthgen, found by their entry points and imported only when used.

A plug-in is code, so it comes from a package that somebody installed. No spec, path or model can bring one.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points

from synthgen.errors import UsageError, cause_of

GENERATORS = "synthgen.generators"
MEASURES = "synthgen.measures"
FORMATS = "synthgen.formats"
STORES = "synthgen.stores"

_NOUNS = {GENERATORS: "generator", MEASURES: "measure", FORMATS: "format", STORES: "store"}


@dataclass(frozen=True, slots=True)
class Plugin:
    """A plug-in that is installed here, and perhaps not imported yet.

    Attributes:
        group: the entry-point group, such as `synthgen.measures`.
        name: what a spec calls it.
        distribution: the installed package that offers it.
        version: that package's version.
        value: where it is in the package: `module:attribute`.
    """

    group: str
    name: str
    distribution: str
    version: str
    value: str

    def __str__(self) -> str:
        return f"{self.name} ({self.release})"

    @property
    def release(self) -> str:
        """The distribution with its version, such as `synthgen-faces 1.2`: what provenance records."""
        return f"{self.distribution} {self.version}"

    def load(self) -> object:
        """Import the plug-in, and return what its entry point names.

        Raises:
            UsageError: it cannot be imported.
        """
        try:
            loaded: object = EntryPoint(self.name, self.value, self.group).load()
        except (Exception, SystemExit) as error:  # somebody else's code: anything may come
            raise UsageError(
                f"the {noun(self.group)} {self.name!r} of {self.release} cannot be imported: {cause_of(error)}",
                hint=f"Install another version of {self.distribution}, or remove it.",
            ) from error
        return loaded


def plugins(group: str, own: Collection[str] = ()) -> Mapping[str, Plugin]:
    """Find the plug-ins of a group by name. Nothing is imported.

    Args:
        group: an entry-point group, such as `MEASURES`.
        own: the names that synthgen itself has for this kind of thing.

    Raises:
        UsageError: two distributions offer one name, or one offers a name of `own`.
    """
    found: dict[str, Plugin] = {}
    for entry in sorted(entry_points(group=group), key=lambda entry: entry.name):
        if entry.dist is None:
            continue  # nothing says where it comes from
        plugin = Plugin(group, entry.name, entry.dist.name, entry.dist.version, entry.value)
        other = found.setdefault(entry.name, plugin)

        if entry.name in own:
            raise UsageError(
                f"the {noun(group)} {entry.name!r} of {plugin.release} has the name of one that is part of synthgen",
                hint=f"Remove {plugin.distribution}, or ask its authors to rename it.",
            )
        if other != plugin:
            raise UsageError(
                f"two distributions offer the {noun(group)} {entry.name!r}: {other.release} and {plugin.release}",
                hint="Remove one of the two.",
            )
    return found


def plugin(group: str, name: str, own: Collection[str] = ()) -> Plugin:
    """Find one plug-in by its name. Nothing is imported.

    Args:
        own: as for `plugins`; suggested, too, where `name` is not installed.

    Raises:
        UsageError: nothing of that name is installed, or names collide.
    """
    installed = plugins(group, own)
    if name in installed:
        return installed[name]
    known = sorted({*installed, *own})
    close = get_close_matches(name, known, n=1)
    hint = f"Did you mean {close[0]!r}?" if close else f"There are: {', '.join(known)}." if known else None
    raise UsageError(
        f"there is no {noun(group)} {name!r} here",
        hint=hint or f"Install the package that offers it in its entry points of the group {group!r}.",
    )


def noun(group: str) -> str:
    """Name what a group's plug-ins are, such as `measure`."""
    return _NOUNS.get(group, "plug-in")

"""Plug-ins: what installed distributions add to synthgen, found by their entry points and imported only when used.

A plug-in is code, so it comes from a package that somebody installed. No spec, path or model can bring one.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points

from synthgen.errors import UsageError, cause_of

GENERATORS = "synthgen.generators"
MEASURES = "synthgen.measures"
FORMATS = "synthgen.formats"
STORES = "synthgen.stores"
LEARNERS = "synthgen.learners"

_NOUNS = {GENERATORS: "generator", MEASURES: "measure", FORMATS: "format", STORES: "store", LEARNERS: "learner"}


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

    @property
    def report(self) -> str:
        """A hint for errors that only the plug-in's authors can mend."""
        return f"Report this to the authors of {self.distribution}."

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
    """Return the plug-ins of a group by name, without those whose name collides. Nothing is imported.

    Args:
        group: an entry-point group, such as `MEASURES`.
        own: the names that synthgen itself has for this kind of thing.
    """
    return {name: found[0] for name, found in _offers(group).items() if len(found) == 1 and name not in own}


def find_plugin(group: str, name: str, own: Collection[str] = ()) -> Plugin | None:
    """Find one plug-in by its name; None if no distribution offers it. Nothing is imported.

    Names that collide are refused only here, so that those that nobody uses do no harm.

    Args:
        own: as for `plugins`.

    Raises:
        UsageError: two distributions offer the name, or it is one of `own`.
    """
    found = _offers(group).get(name)
    if not found:
        return None
    first, *others = found
    if name in own:
        raise UsageError(
            f"the {noun(group)} {name!r} of {first.release} has the name of one that is part of synthgen",
            hint=f"Remove {first.distribution}, or ask its authors to rename it.",
        )
    if not others:
        return first
    if others[0].release == first.release:
        what = f"{first.release} offers the {noun(group)} {name!r} twice: {first.value} and {others[0].value}"
        raise UsageError(what, hint=first.report)
    raise UsageError(
        f"two distributions offer the {noun(group)} {name!r}: {first.release} and {others[0].release}",
        hint="Remove one of the two.",
    )


def plugin(group: str, name: str, own: Collection[str] = ()) -> Plugin:
    """Find one plug-in by its name. Nothing is imported.

    Args:
        own: as for `plugins`; suggested, too, where `name` is not installed.

    Raises:
        UsageError: nothing of that name is installed, or the name collides.
    """
    if (found := find_plugin(group, name, own)) is not None:
        return found
    known = sorted({*_offers(group), *own})
    close = get_close_matches(name, known, n=1)
    hint = f"Did you mean {close[0]!r}?" if close else f"There are: {', '.join(known)}." if known else None
    raise UsageError(
        f"there is no {noun(group)} {name!r} here",
        hint=hint or f"Install the package that offers it in its entry points of the group {group!r}.",
    )


def _offers(group: str) -> Mapping[str, Sequence[Plugin]]:
    """List what is installed, by name: more than one plug-in for names that collide.

    A distribution may be on the path more than once, for example as an editable installation. As for imports, the first
    one counts.
    """
    versions: dict[str, str] = {}
    found: dict[str, list[Plugin]] = {}
    for entry in entry_points(group=group):
        if entry.dist is None or not entry.dist.name:
            continue  # nothing says where it comes from
        offered = Plugin(group, entry.name, entry.dist.name, entry.dist.version, entry.value)
        project = _project(offered)
        if versions.setdefault(project, offered.version) != offered.version:
            continue
        same_name = found.setdefault(entry.name, [])
        if (project, offered.value) not in [(_project(other), other.value) for other in same_name]:
            same_name.append(offered)
    return found


def _project(plugin: Plugin) -> str:
    """Return the name of a distribution in the form in which installers compare names."""
    return re.sub(r"[-_.]+", "-", plugin.distribution).lower()


def noun(group: str) -> str:
    """Name what a group's plug-ins are, such as `measure`."""
    return _NOUNS.get(group, "plug-in")

"""Whose word opens a model: that of the user, or that of whoever made a run.

A run that was handed over names models. They are opened if they ship with synthgen, if the user has named just these
before, if the hub's cache holds them, or if the user trusts the run's maker. What the user names is noted in the cache
folder: a file for each model, whose name is all that counts.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal

from synthgen import models
from synthgen.errors import StorageError, UsageError
from synthgen.planning import Plan
from synthgen.spec import BUNDLED_JUDGE, BUNDLED_MODEL

_REVISION = {
    "bundled": re.compile(r"content:[0-9a-f]{32}"),
    "folder": re.compile(r"content:[0-9a-f]{32}"),
    "hub": re.compile(r"[0-9a-f]{40}"),
}


@dataclass(frozen=True, slots=True)
class PinnedModel:
    """A generator or a judge, as a spec names it, and which one that is.

    Attributes:
        place: a folder, an id on the hub, or a name of open_clip's own list.
        revision: the hash of the folder's content, the commit, or that name once more.
    """

    kind: Literal["bundled", "folder", "hub", "open_clip"]
    role: Literal["model", "judge"]
    place: str
    revision: str

    def __str__(self) -> str:
        match self.kind:
            case "folder":
                return f"{self.role} in the folder {self.place} ({self.revision})"
            case "hub":
                return f"{self.role} {self.place} from the hub, at commit {self.revision}"
            case "open_clip":
                return f"{self.role} {self.place}, which open_clip downloads"
            case _:
                return f"{self.role} that ships with synthgen"

    @property
    def pins_its_content(self) -> bool:
        """Whether the revision says what would be opened; a branch of the hub, say, does not."""
        return self.place == self.revision if self.kind == "open_clip" else _is_revision(self.kind, self.revision)

    @property
    def _note(self) -> str:
        # A folder may be moved, so its path does not count.
        of = self.revision if self.kind == "folder" else f"{self.kind}:{self.place}@{self.revision}"
        return sha256(of.encode()).hexdigest()

    @property
    def is_known(self) -> bool:
        """Whether just this is on the machine by the user's own word."""
        if self.kind == "bundled":
            return True
        if self.kind == "hub" and models.is_cached(self.place, self.revision):
            return True
        folder = _notes()
        try:
            found = (folder / self._note).lstat() if folder else None
        except OSError:
            return False
        return found is not None and stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid()

    def remember(self) -> None:
        """Note that the user has named this. Where nothing can be written nothing is, and `--trust` is asked for."""
        folder = _notes()
        if self.kind == "bundled" or folder is None or not self.pins_its_content:
            return
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with (folder / self._note).open("x", encoding="utf-8") as file:
                file.write(f"{self}\n")
        except OSError:
            pass


def pinned_judge(name: str, revision: str) -> PinnedModel:
    """A judge by its name in a spec."""
    if name == BUNDLED_JUDGE:
        return PinnedModel("bundled", "judge", name, revision)
    scheme, _, place = name.partition(":")
    kind: Literal["folder", "hub", "open_clip"]
    kind = "folder" if scheme == "local-dir" else "hub" if scheme == "hf-hub" else "open_clip"
    return PinnedModel(kind, "judge", place or name, revision)


def pinned_models(planned: Plan) -> tuple[PinnedModel, PinnedModel]:
    """The generator and the judge of a plan."""
    name, revisions = planned.spec.model.id, planned.revisions
    kind: Literal["bundled", "folder", "hub"]
    kind = "bundled" if name == BUNDLED_MODEL else "folder" if models.is_folder(name) else "hub"
    generator = PinnedModel(kind, "model", name, revisions.generator)
    return generator, pinned_judge(planned.spec.judge.id, revisions.judge)


def require_trust(models: Iterable[PinnedModel], location: str, *, trust: bool) -> None:
    """Refuse models that a run names and this machine does not know.

    Raises:
        UsageError: `trust` is false, and one would be opened.
        StorageError: the run does not say which model it means.
    """
    models = tuple(models)
    if vague := [model for model in models if not model.pins_its_content]:
        what = f"{location}: plan.json is damaged: the {vague[0].role}'s revision is {vague[0].revision!a}"
        raise StorageError(what, hint="A run names its models by hash or commit. Get it again from where it came from.")
    if trust or not (unknown := [model for model in models if not model.is_known]):
        return
    lines = "\n".join(f"  the {model}" for model in unknown)
    raise UsageError(
        f"{location} names what was never used on this machine, and would open it now:\n{lines}",
        hint="Add --trust, or set SYNTHGEN_TRUST=1, if you trust whoever made this run. Even then, no code that comes "
        "with its models is run.",
    )


def _is_revision(kind: str, revision: str) -> bool:
    return _REVISION[kind].fullmatch(revision) is not None


def _notes() -> Path | None:
    """Where it is noted what was named; None where the user has no home."""
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))
    try:
        return (given if given.is_absolute() else Path.home() / ".cache") / "synthgen" / "models"
    except RuntimeError:
        return None

"""Who may have a model or a plug-in opened: the user, or the maker of a run that the user trusts.

A run from somebody else names models and plug-ins. They are opened if they ship with synthgen, if the user has named
exactly these before, if the hub's cache contains them, or if the user trusts the run's maker. What the user names is
noted in the cache folder: a file for each, of which only the name counts.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal

from synthgen import models
from synthgen.errors import StorageError, UsageError
from synthgen.files import expanded
from synthgen.models.parts import CONFIG
from synthgen.models.user_cache import user_cache
from synthgen.planning import Plan
from synthgen.plugins import FORMATS, plugin
from synthgen.spec import (
    BUNDLED_ADAPTERS,
    BUNDLED_CONTROLS,
    BUNDLED_JUDGE,
    BUNDLED_MODEL,
    BUNDLED_READER,
    OWN_FORMATS,
    PLUGIN,
    stage_name,
)
from synthgen.store import layout

_AS_IT_IS = "as it is"
_REVISION = {
    "bundled": re.compile(r"content:[0-9a-f]{32}|sha256:[0-9a-f]{64}"),
    "folder": re.compile(r"content:[0-9a-f]{32}"),
    "hub": re.compile(r"[0-9a-f]{40}"),
    "plugin": re.compile(r"plugin:\S+ \S+"),
    "file": re.compile(r"([0-9a-f]{40} )?sha256:[0-9a-f]{64}"),
    "place": re.compile(_AS_IT_IS),
}


@dataclass(frozen=True, slots=True)
class PinnedModel:
    """A generator, a judge, a measure or a format, as a spec names it, and exactly which version.

    Attributes:
        place: a folder, an id on the hub, a name from open_clip's own list, or that of a plug-in with the arguments
            that it is called with.
        revision: the hash of the folder's content, the commit, that same name, or `plugin:` and the distribution.
    """

    kind: Literal["bundled", "folder", "hub", "open_clip", "plugin", "file", "place"]
    role: Literal[
        "model",
        "judge",
        "measure",
        "format",
        "adapter",
        "component",
        "settings",
        "control model",
        "detector",
        "segmenter",
        "model of a later stage",
        "set of pictures",
        "set to compare with",
        "IP-Adapter",
        "image encoder",
        "picture",
        "learner",
    ]
    place: str
    revision: str

    def __str__(self) -> str:
        match self.kind:
            case "folder" if self.place.endswith((".safetensors", ".gguf")):
                return f"{self.role} {self.place} ({self.revision})"
            case "folder":
                return f"{self.role} in the folder {self.place} ({self.revision})"
            case "hub":
                return f"{self.role} {self.place} from the hub, at commit {self.revision}"
            case "open_clip":
                return f"{self.role} {self.place}, which open_clip downloads"
            case "place":
                return f"{self.role} {self.place}"
            case "file":
                return f"{self.role} {self.place} ({self.revision})"
            case "plugin":
                name, _, arguments = self.place.partition(" {")
                called = f", with {{{arguments}" if arguments else ""
                return f"{self.role} {name} of the installed package {self.revision.removeprefix(PLUGIN)}{called}"
            case _:
                return f"{self.role} that ships with synthgen"

    @property
    def pins_its_content(self) -> bool:
        """Whether the revision pins what would be opened. A branch on the hub, for example, does not."""
        return self.place == self.revision if self.kind == "open_clip" else _is_revision(self.kind, self.revision)

    @property
    def _note(self) -> str:
        # A folder may be moved, so its path does not count.
        of = self.revision if self.kind in ("folder", "file") else f"{self.kind}:{self.place}@{self.revision}"
        return sha256(of.encode()).hexdigest()

    @property
    def is_known(self) -> bool:
        """Whether the user has chosen exactly this model on this machine before."""
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
        """Note that the user has named this model. If the note cannot be written, `trust` will be required later."""
        folder = _notes()
        if self.kind == "bundled" or folder is None or not self.pins_its_content:
            return
        with suppress(OSError):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with (folder / self._note).open("x", encoding="utf-8") as file:
                file.write(f"{self}\n")


def pinned_judge(name: str, revision: str) -> PinnedModel:
    """Return the judge of this name in a spec, at this revision."""
    if name == BUNDLED_JUDGE:
        return PinnedModel("bundled", "judge", name, revision)
    scheme, _, place = name.partition(":")
    kind: Literal["folder", "hub", "open_clip"]
    kind = "folder" if scheme == "local-dir" else "hub" if scheme == "hf-hub" else "open_clip"
    return PinnedModel(kind, "judge", place or name, revision)


def pinned_models(planned: Plan) -> tuple[PinnedModel, ...]:
    """Return what a plan opens: all its models with their parts and adapters, plug-ins, and pictures."""
    name, revisions = planned.spec.model.id, planned.revisions
    kind: Literal["bundled", "folder", "hub", "plugin"]
    kind = "bundled" if name == BUNDLED_MODEL else "folder" if models.is_folder(name) else "hub"
    if name.startswith(PLUGIN):
        kind = "plugin"

    more = planned.spec.model.model_dump(include={"revision", "variant"}, exclude_none=True)
    place = _called(name, more) if kind == "plugin" else name
    return (
        PinnedModel(kind, "model", place, revisions.generator),
        pinned_judge(planned.spec.judge.id, revisions.judge),
        *_measures(planned),
        *_adapters(planned),
        *_components(planned),
        *_controls(planned),
        *_stages(planned),
        *_references(planned),
        *_annotators(planned),
        *_pictures(planned),
    )


def pinned_of_dataset(planned: Plan) -> tuple[PinnedModel, ...]:
    """Return what making a plan's dataset opens: plug-ins that write it, and what it is compared with.

    A plan does not say which version of a format writes, nor what a set to compare with holds: it is what is there.

    Raises:
        UsageError: a format is not installed.
    """
    output = planned.spec.output
    writers = [plugin(FORMATS, name, own=OWN_FORMATS) for name in output.formats if name not in OWN_FORMATS]
    options, against = output.format_options, output.against
    found = [
        PinnedModel("plugin", "format", _called(each.name, options), f"{PLUGIN}{each.release}") for each in writers
    ]
    for name in against.sets if against else ():
        place = os.path.realpath(expanded(name)) if models.is_folder(name) else name
        found.append(PinnedModel("place", "set to compare with", place, _AS_IT_IS))
    if against is not None and against.min_cosine is not None:
        found.append(pinned_judge(planned.spec.judge.id, planned.revisions.judge))
    return tuple(found)


def _measures(planned: Plan) -> Iterator[PinnedModel]:
    """Give the measures and the learner that the spec names. A measure without a release pins nothing."""
    for name, limits in planned.spec.filters.measures.items():
        release = planned.revisions.plugins.get(f"measures.{name}", "")
        yield PinnedModel("plugin", "measure", _called(name, limits.arguments), f"{PLUGIN}{release}")
    if (learner := planned.spec.filters.learner) is not None:
        yield PinnedModel("file", "learner", learner.model, planned.revisions.components.get("filters.learner", ""))


def _adapters(planned: Plan) -> Iterator[PinnedModel]:
    """Give every adapter that the spec names: what the user once named is known by its content, wherever it lies."""
    for adapter in planned.spec.model.adapters:
        kind: Literal["bundled", "file"] = "bundled" if adapter.id in BUNDLED_ADAPTERS else "file"
        yield PinnedModel(kind, "adapter", adapter.id, planned.revisions.adapters.get(adapter.label, ""))


def _components(planned: Plan) -> Iterator[PinnedModel]:
    """Give the settings of a checkpoint, and every component that the spec names."""
    model, pinned = planned.spec.model, planned.revisions.components
    named = {name: part.id for name, part in model.components.items()} | (
        {CONFIG: model.config} if model.config else {}
    )
    for name, place in named.items():
        role: Literal["component", "settings"] = "settings" if name == CONFIG else "component"
        yield PinnedModel("folder" if models.is_folder(place) else "hub", role, place, pinned.get(name, ""))


def _controls(planned: Plan) -> Iterator[PinnedModel]:
    """Give every control model that the spec names."""
    for index, control in enumerate(planned.spec.control):
        if (place := control.model) is not None:
            kind: Literal["bundled", "folder", "hub"] = "folder" if models.is_folder(place) else "hub"
            kind = "bundled" if place in BUNDLED_CONTROLS else kind
            yield PinnedModel(kind, "control model", place, planned.revisions.components.get(f"control.{index}", ""))


def _stages(planned: Plan) -> Iterator[PinnedModel]:
    """Give every model of a later stage that the spec names."""
    for index, then in enumerate(planned.spec.then):
        if (place := then.model) is not None:
            kind: Literal["folder", "hub"] = "folder" if models.is_folder(place) else "hub"
            revision = planned.revisions.components.get(stage_name(index), "")
            yield PinnedModel(kind, "model of a later stage", place, revision)


def _references(planned: Plan) -> Iterator[PinnedModel]:
    """Give every IP-Adapter that the spec names, its image encoder, and the picture that all images are shown."""
    pinned = planned.revisions.components
    for index, reference in enumerate(planned.spec.reference):
        for name, part in reference.components(f"reference.{index}").items():
            role: Literal["IP-Adapter", "image encoder"] = "image encoder" if "encoder" in name else "IP-Adapter"
            yield PinnedModel("hub" if part.is_hub else "folder", role, part.id, pinned.get(name, ""))
        if reference.path is not None:
            yield PinnedModel("file", "picture", reference.path, pinned.get(f"reference.{index}.image", ""))


def _annotators(planned: Plan) -> Iterator[PinnedModel]:
    """Give what finds boxes and masks."""
    for key, annotator in planned.spec.annotate.named().items() if planned.spec.annotate is not None else ():
        kind: Literal["bundled", "folder", "hub"] = "folder" if models.is_folder(annotator.model) else "hub"
        kind = "bundled" if annotator.model == BUNDLED_READER else kind
        role: Literal["detector", "segmenter"] = "detector" if key == "boxes" else "segmenter"
        yield PinnedModel(kind, role, annotator.model, planned.revisions.annotators.get(key, ""))


def _pictures(planned: Plan) -> Iterator[PinnedModel]:
    """Give the set that images are made from: known by the digests of its pictures, wherever it lies."""
    if planned.sources is not None and planned.spec.source is not None:
        yield PinnedModel("file", "set of pictures", planned.spec.source.dataset, f"sha256:{planned.sources.sha256}")


def _called(name: str, arguments: Mapping[str, object]) -> str:
    """Write a plug-in with its arguments: they may be paths or the names of models, which it opens."""
    return f"{name} {json.dumps(arguments, sort_keys=True)}" if arguments else name


def require_trust(models: Iterable[PinnedModel], location: str, *, trust: bool) -> None:
    """Refuse models that a run names and this machine does not know.

    Raises:
        UsageError: `trust` is false, and an unknown model would be opened.
        StorageError: the run does not pin which model it means.
    """
    models = tuple(models)
    if vague := [model for model in models if not model.pins_its_content]:
        what = f"{location}: {layout.PLAN} is damaged: the {vague[0].role}'s revision is {vague[0].revision!a}"
        raise StorageError(what, hint="A run names its models by hash or commit. Get it again from where it came from.")
    if trust or not (unknown := [model for model in models if not model.is_known]):
        return
    lines = "\n".join(f"  the {model}" for model in unknown)
    raise UsageError(
        f"{location} names what was never used on this machine, and would open it now:\n{lines}",
        hint="Add `trust=True` if you trust whoever made this run. Even then, no code that comes with it is run.",
    )


def _is_revision(kind: str, revision: str) -> bool:
    return _REVISION[kind].fullmatch(revision) is not None


def _notes() -> Path | None:
    """Return the folder of notes on named models; None if the user has no home folder."""
    return user_cache("models")

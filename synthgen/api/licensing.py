"""The licences of a spec's models: what is known of each, and the gate that refuses some before a model is loaded."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from synthgen import running as runs
from synthgen.errors import UsageError
from synthgen.models import is_folder
from synthgen.models.licence_files import licence_of_folder, licence_on_hub
from synthgen.models.parts import is_checkpoint
from synthgen.planning import Plan
from synthgen.presets import UNKNOWN, Licence, MayTrain, licences_of, together
from synthgen.presets.licences import MODELS, TEXTS
from synthgen.records import LicenceNote
from synthgen.spec import PLUGIN, Spec, stage_name
from synthgen.spec.messages import suggestion
from synthgen.store import RunStore

_LOG = logging.getLogger(__name__)
_HUB, _LOCAL = "hf-hub:", "local-dir:"
_ASKED: Mapping[bool | str, str] = {
    True: "commercially and not",
    "commercial": "commercially",
    "non-commercial": "non-commercially",
}
_SAYS = {
    "table": "by synthgen's table",
    "spec": "by the spec",
    "card": "by the model's card",
    "nobody": "nobody says: not synthgen's table, nor the model's card",
}


@dataclass(frozen=True, slots=True)
class UsedModel:
    """A model that a spec names.

    Attributes:
        key: where, such as `model`, `model.adapters.0` or `judge`.
        place: a folder or a hub id that may have a card; None if it has none.
        revision: as the spec or the plan says; None for the newest.
        noted: the licence that the spec says it has.
        is_output: whether the dataset has what it makes: pictures, prompts, boxes, masks, or answers in columns.
    """

    key: str
    id: str
    place: str | None
    revision: str | None
    noted: str | None = None
    is_output: bool = True


@dataclass(frozen=True, slots=True)
class ModelLicence:
    """What is known of the licence of one model of a spec.

    Attributes:
        said_by: `table`, `spec`, `card` or `nobody`.
    """

    model: UsedModel
    licences: tuple[Licence, ...]
    said_by: str
    note: LicenceNote

    @property
    def whole(self) -> Licence:
        """All licences together."""
        return together(self.licences)

    def as_json(self) -> dict[str, object]:
        """Return it as JSON types, for plans, provenance and programs."""
        whole = self.whole
        return {
            "key": self.model.key,
            "model": self.model.id,
            "revision": self.model.revision,
            "licences": [each.id for each in self.licences],
            "name": whole.name,
            "may_train_commercially": whole.commercial.value,
            "may_train_non_commercially": whole.non_commercial.value,
            "reason": whole.reason,
            "sources": [each.url for each in self.licences if each.url],
            "said_by": self.said_by,
            "is_output": self.model.is_output,
            "licence_file": self.note.file,
            "licence_file_sha256": self.note.sha256,
        }

    def __str__(self) -> str:
        file = f"; {self.note.file} sha256 {self.note.sha256[:16]}" if self.note.sha256 else ""
        return f"{self.whole} ({_SAYS[self.said_by]}{file})"


def models_of(spec: Spec, pinned: Mapping[str, str] | None = None) -> tuple[UsedModel, ...]:
    """List the models of a spec.

    Args:
        pinned: revisions of a plan, by the key of the model.
    """
    pinned = pinned or {}
    return tuple(replace(each, revision=pinned.get(each.key, each.revision)) for each in _models(spec))


def _models(spec: Spec) -> Iterator[UsedModel]:
    yield _used("model", spec.model.id, spec.model.revision)
    for index, adapter in enumerate(spec.model.adapters):
        found = _used(f"model.adapters.{index}", adapter.id, adapter.revision)
        yield replace(found, noted=adapter.license)
    for name, part in spec.model.components.items():
        yield _used(f"model.components.{name}", part.id, part.revision)
    for index, control in enumerate(spec.control):
        if control.model is not None:
            yield _used(f"control.{index}", control.model, control.revision)
    for index, reference in enumerate(spec.reference):
        for name, part in reference.components(f"reference.{index}").items():
            if not name.endswith(".encoder") or part.id != reference.model:
                yield _used(name, reference.model if name == f"reference.{index}" else part.id, part.revision)
    for index, then in enumerate(spec.then):
        if then.model is not None:
            yield _used(stage_name(index), then.model, then.revision)
    for key, annotator in spec.annotate.named().items() if spec.annotate is not None else ():
        yield _used(f"annotate.{key}", annotator.model, annotator.revision)

    written = spec.prompts.expand.written_by if spec.prompts.expand is not None else None
    if written is not None:
        yield UsedModel("prompts.expand", written.model, None, written.revision)
    judge, place = spec.judge.id, None
    if judge.startswith((_HUB, _LOCAL)):
        place = judge.partition(":")[2]
    yield UsedModel("judge", judge.removeprefix(_HUB), place, None, is_output=bool(spec.attributes))


def _used(key: str, model_id: str, revision: str | None) -> UsedModel:
    bundled = model_id.startswith(("bundled:", PLUGIN))
    is_file = is_checkpoint(model_id) or model_id.endswith((".safetensors", ".gguf"))
    return UsedModel(key, model_id, None if bundled or is_file else model_id, revision)


def pinned_of(planned: Plan) -> dict[str, str]:
    """Return a plan's revisions, by the keys of the models."""
    spec, revisions = planned.spec, planned.revisions
    adapters = {
        f"model.adapters.{index}": revisions.adapters[each.label].partition(" ")[2]
        for index, each in enumerate(spec.model.adapters)
        if " " in revisions.adapters.get(each.label, "")
    }
    parts = {
        f"model.components.{name}" if name in spec.model.components else name: revision
        for name, revision in revisions.components.items()
    }
    annotators = {f"annotate.{key}": revision for key, revision in revisions.annotators.items()}
    return {"model": revisions.generator, "judge": revisions.judge, **adapters, **parts, **annotators}


def notes_of(planned: Plan) -> dict[str, LicenceNote]:
    """Read what each model's own files say at the plan's revisions. Models without such files are left out."""
    found = {each.key: _read(each) for each in models_of(planned.spec, pinned_of(planned))}
    return {key: note for key, note in found.items() if note != LicenceNote()}


def licences_of_plan(planned: Plan) -> tuple[ModelLicence, ...]:
    """Say what is known of the licence of each model of a plan. Reads nothing but the plan."""
    return tuple(
        _known(each, lambda model: planned.licences.get(model.key, LicenceNote()))
        for each in models_of(planned.spec, pinned_of(planned))
    )


def _read(model: UsedModel) -> LicenceNote:
    if model.place is None:
        return LicenceNote()
    if is_folder(model.place) or (model.key == "judge" and model.id.startswith(_LOCAL)):
        return licence_of_folder(model.place)
    return licence_on_hub(model.place, model.revision)


def _known(model: UsedModel, read: Callable[[UsedModel], LicenceNote]) -> ModelLicence:
    note = read(model)
    if found := licences_of(model.id):
        return ModelLicence(model, found, "table", note)
    said = (model.noted,) if model.noted else note.named
    found = licences_of(model.id, said)
    return ModelLicence(model, found or (UNKNOWN,), ("spec" if model.noted else "card") if found else "nobody", note)


def check_licences(spec: Spec, *, ask: bool = True) -> None:
    """Refuse models whose licence a spec does not allow. Reads no weights.

    Args:
        ask: whether to read the cards of models that are not in the table; without, those are passed over.

    Raises:
        UsageError: a licence is not one that the spec allows, does not let outputs train a model, or is unknown.
    """
    if spec.allow_licenses is None and not spec.require_outputs_may_train:
        return
    listed = models_of(spec)
    if not ask:
        listed = tuple(each for each in listed if each.noted or licences_of(each.id))
    problems = [problem for each in listed for problem in _problems(spec, _known(each, _read))]
    if problems:
        hint = (
            "Choose other models, or change these keys. docs/licences.md has the table. What it says is what an "
            "engineer read: ask a lawyer where it matters."
        )
        raise UsageError("\n".join(problems), hint=hint)


def _problems(spec: Spec, found: ModelLicence) -> Iterator[str]:
    model, whole = found.model, found.whole
    who = f"{model.key} ({model.id})"
    allowed = None if spec.allow_licenses is None else {each.lower() for each in spec.allow_licenses}
    others = [each for each in found.licences if allowed is not None and each.id not in allowed]
    if others:
        names = ", ".join(f"{each.id} ({each.name})" if each.name != each.id else each.id for each in others)
        listed = ", ".join(spec.allow_licenses or ())
        read = "".join(f", {each.url}" for each in others if each.url)
        has = f"{who} has the licence {names}, {_SAYS[found.said_by]}{read}"
        yield f"allow_licenses: {has}, and the spec allows {listed}{_meant(spec)}"

    asked = spec.require_outputs_may_train
    if asked and model.is_output:
        answers = {
            "commercial": (whole.commercial,),
            "non-commercial": (whole.non_commercial,),
            True: (whole.commercial, whole.non_commercial),
        }[asked]
        if any(answer is not MayTrain.YES for answer in answers):
            yield (
                f"require_outputs_may_train: {who}, {whole.name}: may its outputs train a model "
                f"{_ASKED[asked]}: {whole.may_train}, {_SAYS[found.said_by]}; {whole.reason}"
                + (f" (read in {whole.url})" if whole.url else "")
            )


def _meant(spec: Spec) -> str:
    """Suggest the licences that were meant by allowed ones that no table has."""
    known = {each.id for each in (*TEXTS.values(), *(one for several in MODELS.values() for one in several))}
    strange = [each for each in spec.allow_licenses or () if each.lower() not in known]
    meant = {each: suggestion(each.lower(), known) for each in strange}
    return "".join(f"; there is no licence {each!r}{which}" for each, which in meant.items() if which)


def warn_of_changed(store: RunStore, wanted: Plan, *, extend: bool) -> None:
    """Warn of licence files that are other ones than when the run in `store` was planned; of one to begin, do nothing.

    Args:
        extend: whether the run is to grow: then the newest files on the hub are looked at, too.
    """
    if not runs.is_begun(store):
        return
    there = runs.open_run(store)
    for model in models_of(there.spec, pinned_of(wanted)):
        old = there.licences.get(model.key)
        if old is None:
            continue
        notes = {"": wanted.licences.get(model.key, old)}
        if extend and model.place is not None and not is_folder(model.place):
            notes[" on the hub"] = licence_on_hub(model.place, None)
        for where, note in notes.items():
            if change := _change(old, note):
                what = f"the licence of {model.key} ({model.id}) is another one{where} than when the run was planned"
                _LOG.warning("%s: %s; read it before you publish", what, change)
                break


def _change(old: LicenceNote, new: LicenceNote) -> str | None:
    if old.sha256 and new.sha256 and old.sha256 != new.sha256:
        return f"{old.file} had the sha256 {old.sha256[:16]}, and {new.file} has {new.sha256[:16]}"
    if old.named and new.named and old.named != new.named:
        return f"its card named {', '.join(old.named)}, and names {', '.join(new.named)}"
    return None

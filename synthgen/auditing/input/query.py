"""What is asked of a set: the arguments of `synthgen.audit`, checked, and each in one form."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypedDict, TypeVar, Unpack

from synthgen.auditing.input import arguments
from synthgen.auditing.inspection.gates import is_image_gate
from synthgen.errors import UsageError
from synthgen.spec import Spec

if TYPE_CHECKING:
    from synthgen.auditing.input.arguments import AnyPath
    from synthgen.sets import SetSource

Function = TypeVar("Function", bound=Callable[..., object])


class AuditKeywords(TypedDict, total=False):
    """The keyword arguments of `synthgen.audit`; `AuditQuery` says what they mean."""

    spec: Spec | AnyPath | None
    attributes: AnyPath | None
    known: Mapping[str, str] | None
    label: str | None
    split: str | None
    images_from: AnyPath | None
    allow_remote: bool
    judges: Sequence[str]
    reference: SetSource | None
    compare: SetSource | None
    targets: Mapping[str, str | Mapping[str, float]] | None
    confusions: Mapping[str, AnyPath] | AnyPath | Sequence[str] | None
    labels: AnyPath | None
    second_labels: AnyPath | None
    cross: Sequence[Sequence[str]]
    reference_groups: Mapping[str, str] | None
    predictions: str | None
    cluster: str | Sequence[str]
    gates: Sequence[str]
    trust_judge: bool
    allow_left_out: float
    about: str
    inspect: bool
    undeclared: bool
    since: Sequence[AnyPath]
    output: AnyPath | None
    cache: AnyPath | None
    device: str
    trust: bool
    seed: int


@dataclass(frozen=True, init=False, eq=False)
class AuditQuery:
    """What is asked of a set. Audits and samples to label take the same query.

    Attributes:
        spec: gives the attributes, shares, gates and classes; by default the spec of the run that made the set, if any.
        attributes: a YAML file with the `attributes` of a spec and, optionally, its `balance` and `gates`.
        known: attributes whose true values are in a column, and the name of that column.
        label: the column of classes; detected by default.
        split: measure only this split.
        allow_remote: fetch images that a set names by address; by default they are left out, and no address is asked.
        images_from: a folder, besides the set's own, that may hold images which the set names by path.
        judges: models named as in a spec, or as 'vqa:MODEL' or 'detector:MODEL'; the first one measures, and the
            others are compared with it.
        reference: a real set; attributes without another target are measured against its shares.
        compare: another set to compare this one with.
        targets: for each attribute, 'uniform', or shares such as `{"light": 0.3, "medium": 0.4, "dark": 0.3}` or
            'light:0.3,medium:0.4,dark:0.3'.
        confusions: for each attribute, a CSV of counts: rows are the truth, columns the answers. With a single
            attribute, the file alone is enough. A list of texts such as 'skin_tone=matrix.csv' is read too. Rows with a
            class in a column 'class' are of this class alone; a class without rows is corrected by all of them.
        labels: the CSV of `export_labels`, filled in.
        second_labels: the same images, or some of them, labelled by a second person: measures how far both agree, and
            widens intervals by how often the first may be wrong. Where they differ, `labels` counts.
        cross: groups of attributes, or 'class', to cross.
        reference_groups: by attribute, or 'class', the group that others are compared with, such as
            `{"gender": "man", "class": "doctor"}`; by default the largest.
        predictions: the column of a downstream model's predicted classes, whose errors are then measured by group.
        cluster: a column, or several, in which images that depend on each other have the same value, such as
            'patient_id' or 'video': intervals then allow for that.
        gates: such as 'skin_tone within class: tv <= 0.1', or 'dark <= 1%' of what images show; added to the spec's.
        trust_judge: let gates use the judge's raw answers where neither labels nor a matrix check it on this set;
            otherwise such gates stay undecided.
        allow_left_out: the largest share of a set's images that may be left out because they cannot be used; beyond it,
            the audit fails.
        about: 'source', whatever made the set, of which it is a sample; or 'set', the set itself: columns taken as true
            then have no interval, and only the draw of labels is random.
        inspect: look at the images without a judge too: repeats, leaks between splits, dark, blank and odd ones.
            If nothing else is asked, this is done anyway.
        undeclared: search for what no attribute names but classes differ in. The first judge that is a CLIP then
            looks at parts of every image as well.
        since: audits of earlier versions of the set, the oldest first: each an audit.json, or the folder of one. The
            report then shows what moved.
        output: the folder that the audit is meant for, by default `output_folder(place)`. Nothing is written there.
        cache: the folder of embeddings; by default in your cache folder, and never in the set or the run.
        device: 'cpu', 'cuda', 'cuda:1', 'mps', or 'auto' for a GPU if there is one.
        trust: open a judge that the run names and this machine does not know.
        seed: of every random draw.

    Raises:
        UsageError: an argument has another form, such as one text where a list is expected.

    Example:
        >>> synthgen.AuditQuery(known={"skin_tone": "tone"}, gates=["skin_tone: tv <= 0.1"]).gates
        ('skin_tone: tv <= 0.1',)
    """

    spec: Spec | Path | None
    attributes: Path | None
    known: Mapping[str, str]
    label: str | None
    split: str | None
    images_from: Path | None
    allow_remote: bool
    judges: tuple[str, ...]
    reference: SetSource | None
    compare: SetSource | None
    targets: Mapping[str, str | Mapping[str, float]]
    confusions: Mapping[str, Path] | tuple[str, ...]
    labels: Path | None
    second_labels: Path | None
    cross: tuple[tuple[str, ...], ...]
    reference_groups: Mapping[str, str]
    predictions: str | None
    cluster: tuple[str, ...]
    gates: tuple[str, ...]
    trust_judge: bool
    allow_left_out: float
    about: str
    inspect: bool
    undeclared: bool
    since: tuple[Path, ...]
    output: Path | None
    cache: Path | None
    device: str
    trust: bool
    seed: int

    def __init__(self, **given: Unpack[AuditKeywords]) -> None:
        _check_names(given, [field.name for field in fields(self)])

        def other(name: Literal["reference", "compare"]) -> SetSource | None:
            return None if given.get(name) is None else arguments.set_source(name, given[name])

        spec = given.get("spec")
        checked: dict[str, object] = {
            "spec": spec if isinstance(spec, Spec) else arguments.path("spec", spec),
            "known": arguments.names("known", given.get("known")),
            "judges": arguments.texts("judges", given.get("judges"), "bundled:judge"),
            "targets": arguments.targets(given.get("targets")),
            "confusions": arguments.confusions(given.get("confusions")),
            "cross": arguments.groups(given.get("cross")),
            "reference_groups": arguments.names("reference_groups", given.get("reference_groups"), "woman"),
            "predictions": arguments.optional_text("predictions", given.get("predictions")),
            "cluster": arguments.clusters(given.get("cluster"), given.get("about", "source")),
            "gates": arguments.texts("gates", given.get("gates"), "skin_tone within class: tv <= 0.1"),
            "device": arguments.text("device", given.get("device", "auto")),
            "allow_remote": arguments.flag("allow_remote", given.get("allow_remote", False)),
            "trust_judge": arguments.flag("trust_judge", given.get("trust_judge", False)),
            "allow_left_out": arguments.share("allow_left_out", given.get("allow_left_out", arguments.LEFT_OUT)),
            "about": arguments.choice("about", given.get("about", "source"), arguments.ABOUT),
            "since": arguments.paths("since", given.get("since")),
            "inspect": arguments.flag("inspect", given.get("inspect", False)),
            "undeclared": arguments.flag("undeclared", given.get("undeclared", False)),
            "trust": arguments.flag("trust", given.get("trust", False)),
            "seed": arguments.count("seed", given.get("seed", 0)),
            "label": arguments.optional_text("label", given.get("label")),
            "split": arguments.optional_text("split", given.get("split")),
            "attributes": arguments.path("attributes", given.get("attributes")),
            "images_from": arguments.path("images_from", given.get("images_from")),
            "labels": arguments.path("labels", given.get("labels")),
            "second_labels": arguments.path("second_labels", given.get("second_labels")),
            "output": arguments.path("output", given.get("output")),
            "cache": arguments.path("cache", given.get("cache")),
            "reference": other("reference"),
            "compare": other("compare"),
        }
        if checked["second_labels"] is not None and checked["labels"] is None:
            raise UsageError("needs the first labels too", argument="second_labels", hint="Give them as `labels`.")
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    @property
    def is_bare(self) -> bool:
        """Whether nothing is asked that needs an attribute or a judge."""
        given = (self.spec, self.attributes, self.reference, self.compare, self.labels, self.predictions)
        lists = (
            self.known,
            self.judges,
            self.targets,
            self.confusions,
            self.cross,
            [gate for gate in self.gates if not is_image_gate(gate)],
            self.reference_groups,
        )
        return all(each is None for each in given) and not (any(lists) or self.trust_judge)


def _check_names(given: Mapping[str, object], names: Sequence[str]) -> None:
    """Refuse keyword arguments of other names.

    Raises:
        UsageError: it is `devices`, which other functions take.
        TypeError: it is another name.
    """
    for unknown in given.keys() - set(names):
        if unknown == "devices":
            hint = f"Give `device={given[unknown]!r}`."
            raise UsageError("an audit takes one device, as `device`", argument=unknown, hint=hint)
        near = get_close_matches(unknown, names, n=1)
        more = f". Did you mean {near[0]!r}?" if near else ""
        raise TypeError(f"audit() got an unexpected keyword argument {unknown!r}{more}")


def spelled_out(function: Function) -> Function:
    """Give a function that takes `AuditKeywords` a signature that lists them, for `help` and for completion."""
    signature = inspect.signature(function)
    own = [each for each in signature.parameters.values() if each.kind is not inspect.Parameter.VAR_KEYWORD]
    query = AuditQuery()
    keywords = [
        inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=getattr(query, field.name))
        for field in fields(AuditQuery)
        if field.name not in signature.parameters
    ]
    parameters = sorted([*own, *keywords], key=lambda each: each.kind)
    function.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return function

"""What the names of a plan's models stand for."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Self

from synthgen.records import TunedOn

_OPTIONAL = ("plugins", "adapters", "components", "annotators", "tuned")
"""Revisions that most plans have none of: without them, plans of earlier versions keep their fingerprints."""


@dataclass(frozen=True, slots=True)
class Revisions:
    """What the models' names stood for when the plan was made: commits on the hub, or hashes of the weights.

    Attributes:
        plugins: those that decide what is accepted, such as `{"measures.faces": "synthgen-faces 1.2"}`.
        adapters: by name, `sha256:` and the hash of the file; of a hub id, the commit before it.
        components: of `model.components`, by name; `config`, of what `model.config` names; `control.0` and
            `then.0` and so on; of references `reference.0`, `reference.0.encoder` and, of a picture's file,
            `reference.0.image`.
        annotators: of `annotate`, by key: `boxes` and `masks`.
        tuned: by name, what adapters were tuned on, those that say so.
    """

    generator: str
    judge: str
    plugins: Mapping[str, str] = field(default_factory=dict)
    adapters: Mapping[str, str] = field(default_factory=dict)
    components: Mapping[str, str] = field(default_factory=dict)
    annotators: Mapping[str, str] = field(default_factory=dict)
    tuned: Mapping[str, TunedOn] = field(default_factory=dict)

    @classmethod
    def read(cls, content: Mapping[str, object]) -> Self:
        """Read what `as_json` returned.

        Raises:
            TypeError, ValueError: it is something else.
        """
        return cls(**{**content, "tuned": tuned_in(content)})  # type: ignore[arg-type] # as `check_stored` found them

    def as_json(self) -> dict[str, object]:
        """Return them as JSON types."""
        found = {**asdict(self), "tuned": {name: one.as_json() for name, one in self.tuned.items()}}
        return {key: of for key, of in found.items() if of or key not in _OPTIONAL}


def tuned_in(revisions: Mapping[str, object]) -> dict[str, TunedOn]:
    """Read what adapters were tuned on.

    Raises:
        ValueError: it cannot be that.
    """
    found = revisions.get("tuned", {})
    if not isinstance(found, Mapping):
        raise ValueError(f"revisions.tuned: expected an object, found {found!r:.40}")
    return {str(name): TunedOn.read(each) for name, each in found.items()}

"""Looks: how often the labels of a class were read to find its threshold, and what each time costs. Pure.

Who labels until the target is reached looks several times, and each look may be fooled by chance. So each look spends a
part of what the confidence allows, and all of them together never spend more: alpha spending (Lan and DeMets 1983,
Biometrika 70), with the union bound. Look k spends (1 - confidence) / 2 ** k. Nothing is assumed about how many looks
there will be, or why somebody looks again.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from synthgen.errors import UsageError

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Looks:
    """The looks at the labels of a pilot: by class, the fingerprint of each, the first one first.

    Example:
        >>> Looks({}).taken("chef", "a")[1], Looks({"chef": ("a", "b")}).taken("chef", "b")[1]
        (1, 2)
    """

    of: Mapping[str, tuple[str, ...]]

    def taken(self, class_name: str, fingerprint: str) -> tuple["Looks", int]:
        """Return the looks with this one, and its number, 1 or more. The same look again is not a new one."""
        before = self.of.get(class_name, ())
        if fingerprint in before:
            return self, before.index(fingerprint) + 1
        return Looks({**self.of, class_name: (*before, fingerprint)}), len(before) + 1

    def to_json(self) -> str:
        looks = {name: list(fingerprints) for name, fingerprints in self.of.items()}
        return json.dumps({"looks": FORMAT, "classes": looks}, indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str, name: str) -> "Looks":
        """Read what `to_json` wrote.

        Raises:
            UsageError: `text`, the content of the file `name`, is something else.
        """
        try:
            content = json.loads(text)
            if content["looks"] != FORMAT:
                raise ValueError("another version wrote it")
            classes = {kind: tuple(each) for kind, each in content["classes"].items()}
            if not all(isinstance(one, str) for each in classes.values() for one in each):
                raise TypeError("a look is not a text")
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            hint = "It counts how often labels were read, so it is not replaced. Restore it, or make a new pilot."
            raise UsageError(f"{name} cannot be read: {error}", hint=hint) from error
        return cls(classes)


def fingerprint(labels: Mapping[str, bool], precision: float, confidence: float) -> str:
    """Identify a look: the labels of a class by image id, and what was asked of them."""
    content = json.dumps([sorted(labels.items()), precision, confidence])
    return sha256(content.encode()).hexdigest()[:32]


def spent(confidence: float, look: int) -> float:
    """Return the confidence of the bound at the look of this number, 1 or more.

    Example:
        >>> [round(spent(0.95, look), 4) for look in (1, 2, 3)] == [0.975, 0.9875, 0.9938]
        True
    """
    return 1 - (1 - confidence) * 0.5**look

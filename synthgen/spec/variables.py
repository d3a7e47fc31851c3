"""`${NAME}` in a spec: replaced by the values in `vars` and those given with the call, and by nothing else."""

import os
import re
from collections.abc import Mapping as Values
from dataclasses import dataclass, field, replace

from synthgen.errors import Problem
from synthgen.redaction import looks_secret
from synthgen.spec.document import Entry, Mapping, Node, Position, Scalar, Sequence, meaning
from synthgen.spec.merge import mapping_of
from synthgen.spec.place import found, quoted

VARS = "vars"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_REFERENCE = re.compile(r"\$(\$)?\{(?:([^{}:]*)(?::-([^{}]*))?\})?")
"""`${NAME}`, `${NAME:-default}`, and with a second `$` before the brace the text itself."""
_LONGEST, _MOST = 10_000, 5_000_000
"""Characters of one value, and of all that is put in."""


def with_values(root: Mapping, given: Values[str, str]) -> tuple[Mapping, list[Problem]]:
    """Replace every `${NAME}` in keys and values, and drop the key `vars`.

    A value that is nothing but a reference, without quotes, is read as YAML: `steps: ${STEPS}` gives a number. The
    values themselves are not searched for references.
    """
    problems: list[Problem] = []
    entry = root.entries.get(VARS)
    declared = _declared(entry, problems) if entry is not None else {}
    for name, value in given.items():
        if (complaint := _complaint(name, value)) is not None:
            problems.append(_origin(name).problem(complaint))
    filling = _Filling({**declared, **given}, problems)
    rest = mapping_of(root, {key: each for key, each in root.entries.items() if key != VARS})
    filled = filling.fill(rest)
    assert isinstance(filled, Mapping)

    for name in given.keys() - declared.keys() - filling.used:
        known = ", ".join(sorted(declared.keys() | filling.used)) or "it has none"
        message = f"the spec has no variable {quoted(name)}; its variables: {known}"
        problems.append(_origin(name).problem(message))
    return filled, problems


def _origin(name: str) -> Position:
    return Position(f'`variables="{name}"`', 0, 0)


def _declared(entry: Entry, problems: list[Problem]) -> dict[str, str | None]:
    """Read `vars`: a value for each name, or the name of the environment variable that holds it."""
    node = entry.value
    if not isinstance(node, Mapping):
        problems.append(
            node.position.problem(f"vars: expected values by name, such as {{STEPS: 20}}, found {found(node)}")
        )
        return {}
    values: dict[str, str | None] = {}
    for name, each in node.entries.items():
        if not _NAME.fullmatch(name):
            problems.append(each.key.problem(f"vars: expected a name of letters, digits and '_', found {quoted(name)}"))
        elif isinstance(each.value, Scalar):
            values[name] = None if each.value.value is None else each.value.text
        elif isinstance(each.value, Mapping) and each.value.entries.keys() <= {"env", "default"}:
            values[name] = _from_environment(name, each.value, problems)
        else:
            message = f"vars.{name}: expected a value or {{env: NAME}}, found {found(each.value)}"
            problems.append(each.value.position.problem(message))
            values[name] = ""
    return values


def _from_environment(name: str, node: Mapping, problems: list[Problem]) -> str | None:
    """Return what an environment variable holds, or else the default; None if there is neither."""
    texts = {key: entry.value for key, entry in node.entries.items()}
    for key, each in texts.items():
        if not isinstance(each, Scalar) or each.value is None:
            problems.append(each.position.problem(f"vars.{name}.{key}: expected text, found {found(each)}"))
            return ""
    if "env" not in texts:
        problems.append(node.position.problem(f"vars.{name}: missing key 'env'"))
        return ""
    env, default = texts["env"], texts.get("default")
    assert isinstance(env, Scalar)
    if looks_secret(env.text):
        message = f"vars.{name}: {env.text} looks like a secret, and a spec is published with its dataset"
        problems.append(env.position.problem(message))
        return ""
    value = os.environ.get(env.text, default.text if isinstance(default, Scalar) else None)
    if value is not None and (complaint := _complaint(name, value)) is not None:
        problems.append(env.position.problem(f"vars.{name}: {complaint}"))
        return ""
    return value


def _complaint(name: str, value: str) -> str | None:
    if not _NAME.fullmatch(name):
        return f"expected a name of letters, digits and '_', found {quoted(name)}"
    if len(value) > _LONGEST:
        return f"its value has more than {_LONGEST:,} characters"
    if bad := re.search(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]", value):
        return f"its value contains the control character U+{ord(bad[0]):04X}"
    return None


@dataclass(slots=True)
class _Filling:
    """Replaces references.

    Attributes:
        values: None for a name whose environment variable is not set.
        used: the names that were asked for.
    """

    values: Values[str, str | None]
    problems: list[Problem]
    used: set[str] = field(default_factory=set)
    length: int = 0

    def fill(self, node: Node) -> Node:
        if isinstance(node, Scalar):
            return self._scalar(node)
        if isinstance(node, Sequence):
            return replace(node, items=tuple(self.fill(item) for item in node.items))
        entries: dict[str, Entry] = {}
        for key, entry in node.entries.items():
            name = self._text(key, entry.key) if "${" in key else key
            if name is not None and name in entries:
                self.problems.append(entry.key.problem(f"duplicate key {quoted(name)} after ${{...}} is filled in"))
            elif name is not None:
                entries[name] = Entry(entry.key, self.fill(entry.value))
        return replace(node, entries=entries)

    def _scalar(self, node: Scalar) -> Scalar:
        if node.bad or not isinstance(node.value, str) or "${" not in node.value:
            return node
        text = self._text(node.value, node.position)
        if text is None:
            return replace(node, bad=True)
        whole = _REFERENCE.fullmatch(node.value)
        value = meaning(text) if node.is_plain and whole is not None and not whole[1] else text
        return replace(node, value=value, text=text)

    def _text(self, text: str, position: Position) -> str | None:
        """Fill in a text. None if that is not possible, which is then among the problems."""
        before = len(self.problems)
        filled = _REFERENCE.sub(lambda match: self._value(match, position), text)
        self.length += len(filled)
        if self.length > _MOST:
            self.problems.append(
                position.problem(f"too large: the filled-in texts have more than {_MOST:,} characters")
            )
            self.values = dict.fromkeys(self.values, "")
        return filled if len(self.problems) == before else None

    def _value(self, match: re.Match[str], position: Position) -> str:
        escaped, name, default = match.groups()
        if escaped:
            return match[0][1:]
        if name is None or not _NAME.fullmatch(name):
            self.problems.append(position.problem(_MALFORMED))
            return ""
        self.used.add(name)
        value = self.values.get(name)
        if value is None and default is None:
            self.problems.append(position.problem(self._undefined(name)))
        return value if value is not None else default or ""

    def _undefined(self, name: str) -> str:
        if name in self.values:
            return f"{quoted(name)} has no value: its environment variable is not set, and it has no default"
        hint = "define it in vars, give it with `variables`, or write $${ for the text ${"
        return f"the variable {quoted(name)} is not defined; {hint}"


_MALFORMED = "expected ${NAME} or ${NAME:-default}, without braces inside; write $${ for the text ${"

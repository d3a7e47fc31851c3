"""Conditions of templates, variables and values: what they name must exist, and they must be able to hold."""

from collections.abc import Iterable, Iterator, Mapping

from synthgen.spec.bare import Data, Violation, mapping, texts_at
from synthgen.spec.choices import is_long
from synthgen.spec.expanded import TEMPLATE, is_expanded
from synthgen.spec.messages import suggestion_or_all
from synthgen.spec.place import KEY, Path, quoted
from synthgen.spec.prompt_checks import Named, named_templates, named_variables
from synthgen.spec.prompting import CircleError, PromptSpace, TooManyConditionsError, spaces_in
from synthgen.spec.rules import CLASS, SUFFIX, all_values, is_open, options_of, pick_of, rule_of, texts_of
from synthgen.spec.template import TemplateError
from synthgen.spec.wanted import wanted_in

_MOST_SPACES = 20_000
"""Templates of classes, times values with conditions, that are looked through."""
_MOST_NAMED = 100
"""Values of a variable that conditions name: of more, those without a condition of their own are not looked through."""
_MOST_PROMPTS = 10**12
"""Prompts of a class that are numbered."""
_CANNOT = "can never be used: there is no prompt where all conditions hold"


def check_conditions(spec: Data, before: Iterable[Violation]) -> Iterator[Violation]:
    """Yield the problems found before; then those of conditions, which only a spec without the others shows."""
    found = list(before)
    found += _places(spec)
    yield from found
    variables = list(named_variables(spec))
    if found or not _is_sound(spec, variables) or not _has_rules(spec, variables):
        return
    try:
        yield from _impossible(spec, variables)
    except (KeyError, TypeError, AttributeError, TemplateError):
        return  # a value of an unexpected type, which is reported elsewhere
    except CircleError as error:
        path = next(each.path for each in variables if each.name == str(error))
        yield Violation((*path, KEY), "it depends on itself, by its conditions or those of others")
    except TooManyConditionsError:
        what = "conditions combine too many variables or values to look through; expected fewer conditions"
        yield Violation(("prompts", "variables", KEY), what)


def _has_rules(spec: Data, variables: list[Named]) -> bool:
    """Whether anything but plain values and weights decides which prompts there are."""
    prompts = mapping(spec, "prompts")
    if (
        is_expanded(prompts)
        or prompts.get("sampling") == "combinatorial"
        or any(each.class_name is not None for each in variables)
    ):
        return True
    return any(is_long(each.raw) for each in variables) or any(True for _ in _conditions(spec))


def _is_sound(spec: Data, variables: list[Named]) -> bool:
    """Whether all values and conditions are known; those that are not are reported elsewhere."""
    if not all(rule_of(each.name, each.raw).options for each in variables):
        return False
    whens = [when for _, when, _ in _conditions(spec) if when is not None]
    return all(isinstance(when, Mapping) and all(map(texts_of, when.values())) for when in whens)


def _conditions(spec: Data) -> Iterator[tuple[Path, object, str | None]]:
    """Yield every `when` with its place, and the class that it belongs to, if any."""
    variables = list(named_variables(spec))
    for each in variables:
        if not (isinstance(each.raw, Mapping) and is_long(each.raw)):
            continue
        yield (*each.path, "when"), each.raw.get("when"), each.class_name
        yield from _of_choices((*each.path, "values"), each.raw.get("values"), each.class_name)
    for path, texts, class_name in named_templates(spec):
        yield from _of_choices(path, texts, class_name)
    yield from _of_choices(("prompts", SUFFIX), mapping(spec, "prompts").get(SUFFIX), None)


def _of_choices(path: Path, choices: object, class_name: str | None) -> Iterator[tuple[Path, object, str | None]]:
    for text, each in choices.items() if isinstance(choices, Mapping) else ():
        if isinstance(each, Mapping):
            yield (*path, text, "when"), each.get("when"), class_name


def _places(spec: Data) -> Iterator[Violation]:
    """Yield conditions on what does not exist."""
    classes, variables = mapping(spec, "classes"), list(named_variables(spec))
    for path, when, class_name in _conditions(spec):
        known = {CLASS: None, **{each.name: None for each in variables if each.class_name in (None, class_name)}}
        for name, wanted in when.items() if isinstance(when, Mapping) else ():
            place = (*path, name)
            if name not in known:
                yield Violation((*place, KEY), f"unknown variable {quoted(name)}{suggestion_or_all(name, known)}")
                continue

            several = [each for each in variables if each.name == name]
            if any(is_open(each.raw) for each in several):
                continue
            if any(pick_of(each.raw) is not None for each in several):
                yield Violation((*place, KEY), f"{quoted(name)} picks several values, on which no condition can depend")
            there = (
                classes if name == CLASS else dict.fromkeys(text for each in several for text in all_values(each.raw))
            )
            what = "class" if name == CLASS else f"value of {{{name}}}"
            for value in texts_of(wanted):
                if value not in there:
                    message = f"there is no {what} {quoted(value)}, so this can never hold"
                    yield Violation(place, message + suggestion_or_all(value, there))


def _impossible(spec: Data, variables: list[Named]) -> Iterator[Violation]:
    """Yield templates, classes, variables and values that have no prompt."""
    prompts, classes = mapping(spec, "prompts"), mapping(spec, "classes")
    is_combinatorial = prompts.get("sampling") == "combinatorial"
    used: set[tuple[Path, str]] = set()
    spaces: dict[str, list[PromptSpace]] = {}
    for name in classes:
        own = mapping(classes, name)
        path: Path = ("prompts", "templates") if own.get("templates") is None else ("classes", name, "templates")
        spaces[name] = [space for space in spaces_in(prompts, own, name, {}) if space.count()]
        used |= {(path, space.text) for space in spaces[name]}
        if not spaces[name]:
            yield Violation(("classes", name, KEY), "it has no prompt: no template of it can be used where it stands")
        elif is_combinatorial:
            yield from _uncountable(path, name, spaces[name])

    for path, texts, class_name in named_templates(spec):
        unused = [text for text in texts if (path, text) not in used] if isinstance(texts, Mapping | list) else ()
        if unused and (class_name is None or spaces.get(class_name)) and any(spaces.values()):
            place = (
                (*path, unused[0], KEY)
                if isinstance(texts, Mapping)
                else (*path, [text for _, text in texts_at((), texts)].index(unused[0]))
            )
            yield Violation(place, f"{quoted(unused[0])} {_CANNOT}")
    if all(spaces.values()):
        yield from _unreachable(spec, variables, spaces)
        yield from _unsteerable(spec, spaces)


def _uncountable(path: Path, name: str, spaces: list[PromptSpace]) -> Iterator[Violation]:
    """Yield what keeps the prompts of a class from being numbered, each another text."""
    key: Path = ("prompts", "sampling")
    total = sum(space.count() for space in spaces)
    if total > _MOST_PROMPTS:
        what = f"{quoted(name)} has {total:,} prompts, of which a random draw repeats none; expected 'random'"
        yield Violation(key, what)
    for space in spaces:
        if space.hidden and space.text != TEMPLATE:  # each of its prompts is for one value of these
            hidden = " and ".join(f"{{{each}}}" for each in space.hidden)
            what = f"{quoted(space.text)} does not show {hidden}, on which conditions depend: it would repeat prompts"
            yield Violation(key, what)
    if len({space.weight for space in spaces}) > 1:
        what = "weights of templates have no effect: every combination is drawn once"
        of_expanded = len({space.weight for space in spaces if space.text != TEMPLATE}) < 2
        yield Violation(("prompts", "expand", "weight") if of_expanded else (*path, KEY), what)


def _unreachable(spec: Data, variables: list[Named], spaces: Mapping[str, list[PromptSpace]]) -> Iterator[Violation]:
    """Yield variables, values and suffixes that no prompt has, as far as they can be looked through."""
    reach = _Reach(spec, spaces)
    named = {name for each in variables for name in rule_of(each.name, each.raw).names}
    for variable in variables:
        rule = rule_of(variable.name, variable.raw)
        own = {each.class_name for each in variables if each.name == variable.name}
        names = (
            [variable.class_name] if variable.class_name is not None else [name for name in spaces if name not in own]
        )
        # A value without a condition has no prompt, either, where it leaves no value to a variable that depends on it.
        is_named = variable.name in named and len(rule.options) <= _MOST_NAMED
        asked = [option for option in rule.options if option.when or is_named]
        missing = [option for option in asked if not reach.includes(names, variable.name, option.text)]
        plain = [option for option in rule.options if option not in asked] if rule.when else []
        has_some = len(missing) < len(asked) or any(
            reach.includes(names, variable.name, option.text) for option in plain
        )
        if rule.when and not has_some:
            yield Violation((*variable.path, "when"), f"{{{variable.name}}} {_CANNOT}")
        else:
            yield from (_unused_value(variable, option.text) for option in missing)

    suffixes = mapping(spec, "prompts").get(SUFFIX)
    for option in options_of(suffixes) if isinstance(suffixes, Mapping) else ():
        if option.when and not reach.includes(list(spaces), SUFFIX, option.text):
            yield Violation(("prompts", SUFFIX, option.text, KEY), f"{quoted(option.text)} {_CANNOT}")


def _unused_value(variable: Named, text: str) -> Violation:
    raw, path = variable.raw, variable.path
    if isinstance(raw, Mapping) and is_long(raw):
        raw, path = raw.get("values"), (*path, "values")
    if raw is None:  # a range
        path = variable.path
    else:
        path = (*path, text, KEY) if isinstance(raw, Mapping) else (*path, texts_of(raw).index(text))
    return Violation(path, f"{quoted(text)} {_CANNOT}")


def _unsteerable(spec: Data, spaces: Mapping[str, list[PromptSpace]]) -> Iterator[Violation]:
    """Yield wanted values of attributes that are in no prompt of a class, though a variable steers it."""
    reach = _Reach(spec, spaces)
    for path, entry in wanted_in(spec):
        name, target = entry.get("attribute"), entry.get("target")
        attribute = mapping(mapping(spec, "attributes"), name) if isinstance(name, str) else {}
        variable = attribute.get("variable")
        if not isinstance(variable, str) or (isinstance(target, Mapping) and list(target) == ["from"]):
            continue
        for value in mapping(attribute, "values"):
            if isinstance(target, Mapping) and not target.get(value):
                continue
            for class_name in spaces:
                steers = any(variable in space.order for space in spaces[class_name])
                if steers and not reach.includes([class_name], variable, value):
                    what = f"no prompt of the class {quoted(class_name)} can have {quoted(value)} as {{{variable}}}"
                    yield Violation(path, what)


class _Reach:
    """Which values of variables some prompt has."""

    def __init__(self, spec: Data, spaces: Mapping[str, list[PromptSpace]]) -> None:
        self._prompts, self._classes, self._spaces = mapping(spec, "prompts"), mapping(spec, "classes"), spaces
        self._left = _MOST_SPACES

    def includes(self, class_names: Iterable[str], name: str, value: str) -> bool:
        """Whether a class has a prompt with this value. True, too, once too many were looked through."""
        for class_name in class_names:
            if not any(name in space.order for space in self._spaces[class_name]):
                continue
            self._left -= len(self._spaces[class_name])
            if self._left < 0:
                return True
            spaces = spaces_in(self._prompts, mapping(self._classes, class_name), class_name, {name: value})
            if any(name in space.steers and space.count() for space in spaces):
                return True
        return False

"""The prompts that a template can make for a class: how many, one drawn at random, or the one of a number. Pure.

Variables are drawn one after the other, those first that the conditions of others name. A prompt exists only where all
conditions hold, so a value that would leave a later variable without any is not drawn.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate
from math import perm
from random import Random

from synthgen.spec.bare import Data
from synthgen.spec.expanded import expanded_offers, expanded_rules
from synthgen.spec.rules import CLASS, SUFFIX, Offer, VariableRule, When, options_of, rules_of
from synthgen.spec.spec import Spec
from synthgen.spec.template import SUFFIXED, Template, Variable

_MOST_VARIABLES, _MOST_STEPS = 300, 500_000
Filled = dict[str, str | tuple[str, ...]]
"""The value of each variable, or its values where several are picked."""


class TooManyConditionsError(Exception):
    """The conditions combine too many values to be looked through."""


class CircleError(TooManyConditionsError):
    """A variable depends on itself; the message is its name."""


class PromptSpace:
    """All prompts of one template for one class.

    Attributes:
        template: with the suffix.
        text: the template as it was written.
        weight: how often it is drawn.
        order: its variables, and those that conditions name, in the order in which they are drawn.

    Raises:
        KeyError: a variable is not known.
        TooManyConditionsError: there are too many variables, or their conditions go round in circles.
    """

    def __init__(
        self, choice: Offer, rules: Mapping[str, VariableRule], class_name: str, fixed: Mapping[str, str] | None = None
    ) -> None:
        parsed = Template.parse(choice.text)
        suffix = (Variable(SUFFIX, SUFFIXED),) if SUFFIX in rules else ()
        self.template = Template(choice.text, (*parsed.parts, *suffix))
        self.text, self.weight = choice.text, choice.weight
        self._rules, self._class = rules, class_name
        self._allowed = {name: values for name, values in choice.when.items() if name != CLASS}
        self._applies = class_name in choice.when.get(CLASS, (class_name,))
        self.order = _ordered([*self._allowed, *self.template.variables], rules)
        self._fixed = {name: value for name, value in (fixed or {}).items() if name in self.order}
        named = [rules[name].names for name in self.order]
        self._live = [
            tuple(name for name in self.order[:index] if any(name in names for names in named[index:]))
            for index in range(len(self.order) + 1)
        ]
        self._plain = {name: self._offered(rules[name], {}) for name in self.order if not rules[name].names}
        self._known: dict[tuple[int, tuple[str, ...]], int] = {}
        self._steps = 0

    @property
    def hidden(self) -> tuple[str, ...]:
        """The variables that conditions name and the text does not show."""
        return tuple(name for name in self.order if name not in self.template.variables)

    @property
    def has_conditions(self) -> bool:
        """Whether some values cannot go together."""
        return bool(self._allowed) or any(self._rules[name].names for name in self.order)

    @property
    def steers(self) -> set[str]:
        """The variables whose value was given."""
        return set(self._fixed)

    def count(self) -> int:
        """Count the combinations of values.

        Raises:
            TooManyConditionsError: it takes too long.
        """
        return self._ways(0, {}) if self._applies else 0

    def draw(self, rng: Random) -> Filled:
        """Draw values by their weights, for a template that has prompts."""
        values: Filled = {}
        for index, name in enumerate(self.order):
            options = self._possible(index, values)
            pick = self._rules[name].pick
            if pick is not None and len(options) >= pick:
                values[name] = tuple(_without_repetition(rng, options, pick))
            elif name in self._fixed:
                values[name] = self._fixed[name]
            else:
                weights = [option.weight for option in options]
                values[name] = rng.choices([option.text for option in options], weights)[0]
        return values

    def numbered(self, number: int) -> Filled:
        """Return the values of the `number`th combination, from 0 on."""
        values: Filled = {}
        for index, name in enumerate(self.order):
            options, pick = self._options(name, values), self._rules[name].pick
            if name in self._live[index + 1]:
                for option in options:
                    ways = self._ways(index + 1, {**values, name: option.text})
                    if number < ways:
                        values[name] = option.text
                        break
                    number -= ways
                continue
            place, number = divmod(number, self._ways(index + 1, values))
            if pick is not None and len(options) >= pick:
                values[name] = _arrangement(options, pick, place)
            else:
                values[name] = options[place].text
        return values

    def longest(self, length: Callable[[str], int], columns: Mapping[str, str] | None = None) -> str:
        """Make a prompt of the longest value of each variable, whether or not they go together."""
        values: Filled = {CLASS: self._class, **dict.fromkeys(self.template.shown, ""), **(columns or {})}
        for name in self.order:
            rule = self._rules[name]
            texts = sorted({option.text for option in rule.options} | {rule.otherwise or ""}, key=length, reverse=True)
            values[name] = texts[0] if rule.pick is None else tuple(texts[: rule.pick])
        return self.template.render(values)

    def _ways(self, index: int, values: Mapping[str, object]) -> int:
        """Count how many combinations the variables from `index` on have after these values."""
        if index == len(self.order):
            return 1
        key = (index, tuple(str(values[name]) for name in self._live[index]))
        if key in self._known:
            return self._known[key]
        name = self.order[index]
        options = self._options(name, values)
        if name in self._live[index + 1]:
            self._steps += len(options)
            if self._steps > _MOST_STEPS:
                raise TooManyConditionsError
            found = sum(self._ways(index + 1, {**values, name: option.text}) for option in options)
        else:
            found = self._arrangements(name, options)
            found = found and found * self._ways(index + 1, values)
        self._known[key] = found
        return found

    def _arrangements(self, name: str, options: Sequence[Offer]) -> int:
        pick = self._rules[name].pick
        if pick is None or (len(options) == 1 and options[0].text == self._rules[name].otherwise):
            return len(options)
        return perm(len(options), pick)

    def _possible(self, index: int, values: Mapping[str, object]) -> Sequence[Offer]:
        options, name = self._options(self.order[index], values), self.order[index]
        if name not in self._live[index + 1]:
            return options
        return [option for option in options if self._ways(index + 1, {**values, name: option.text})]

    def _options(self, name: str, values: Mapping[str, object]) -> Sequence[Offer]:
        plain = self._plain.get(name)
        return plain if plain is not None else self._offered(self._rules[name], values)

    def _offered(self, rule: VariableRule, values: Mapping[str, object]) -> Sequence[Offer]:
        """The options of a variable after the values of others."""
        options: Sequence[Offer] = ()
        if self._holds(rule.when, values):
            options = rule.options
            if any(option.when for option in options):
                options = [option for option in options if self._holds(option.when, values)]
        if not options and rule.otherwise is not None:
            options = (Offer(rule.otherwise, 1.0, {}),)
        if (allowed := self._allowed.get(rule.name)) is not None:
            options = [option for option in options if option.text in allowed]
        if (fixed := self._fixed.get(rule.name)) is not None:
            options = [option for option in options if option.text == fixed]
        return options

    def _holds(self, when: When, values: Mapping[str, object]) -> bool:
        return all((self._class if name == CLASS else values[name]) in allowed for name, allowed in when.items())


def spaces_in(
    prompts: Data, own: Data, class_name: str, fixed: Mapping[str, str], rules: Mapping[str, VariableRule] | None = None
) -> list[PromptSpace]:
    """Return a space for each template of a class, from the raw data of `prompts` and of the class.

    Args:
        rules: those of the class, if they are known.

    Raises:
        KeyError, TemplateError, TooManyConditionsError: as `PromptSpace`.
    """
    rules = {**(rules_of(prompts, own) if rules is None else rules), **expanded_rules(prompts, class_name)}
    templates = own.get("templates")
    offers = options_of(prompts.get("templates") if templates is None else templates)
    return [
        PromptSpace(choice, rules, class_name, fixed)
        for choice in (*offers, *expanded_offers(prompts))
        if set(Template.parse(choice.text).variables) <= {*rules, CLASS}
    ]


def spaces_of(spec: Spec, class_name: str, fixed: Mapping[str, str]) -> tuple[PromptSpace, ...]:
    """Return the templates of a class that can make prompts with these values of variables, or with any of them.

    Where no template can have them all as given, they are drawn like the others.

    Raises:
        KeyError: the spec has no such class.
    """
    own = spec.classes[class_name]
    return _spaces(_Same(spec.prompts), _Same(own), class_name, tuple(sorted(fixed.items())))


class _Same:
    """Stands for an object that never changes, by its identity."""

    def __init__(self, of: object) -> None:
        self.of = of

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.of is self.of

    def __hash__(self) -> int:
        return id(self.of)


@lru_cache(maxsize=4)
def _common_rules(prompts: _Same) -> dict[str, VariableRule]:
    """Classes without variables of their own share these: a thousand classes must not keep all values each."""
    return rules_of(_raw(prompts), {})


@lru_cache(maxsize=2048)
def _spaces(prompts: _Same, own: _Same, name: str, fixed: tuple[tuple[str, str], ...]) -> tuple[PromptSpace, ...]:
    raw, mine = _raw(prompts), _raw(own)
    rules = None if mine.get("variables") else _common_rules(prompts)
    usable = [space for space in spaces_in(raw, mine, name, dict(fixed), rules) if space.count()]
    if not usable and fixed:
        return _spaces(prompts, own, name, ())
    return tuple(usable)


@lru_cache(maxsize=4096)
def _raw(section: _Same) -> Data:
    dumped: Data = section.of.model_dump(mode="json")  # type: ignore[attr-defined]
    return dumped


def _ordered(names: Iterable[str], rules: Mapping[str, VariableRule]) -> tuple[str, ...]:
    """Order variables and those that their conditions name, such that each comes after those that it depends on."""
    order: list[str] = []
    under_way: set[str] = set()

    def add(name: str) -> None:
        if name in order or name == CLASS:
            return
        if name in under_way:
            raise CircleError(name)
        if len(under_way) > _MOST_VARIABLES:
            raise TooManyConditionsError
        under_way.add(name)
        for other in sorted(rules[name].names):
            add(other)
        under_way.remove(name)
        order.append(name)

    for name in names:
        add(name)
    if len(order) > _MOST_VARIABLES and any(rules[name].names for name in order):
        raise TooManyConditionsError
    return tuple(order)


def _without_repetition(rng: Random, options: Sequence[Offer], count: int) -> list[str]:
    """Draw different options, one after the other, each by its weight among those that are left."""
    left = list(options)
    drawn = []
    for _ in range(count):
        sums = list(accumulate(option.weight for option in left))
        (place,) = rng.choices(range(len(left)), cum_weights=sums)
        drawn.append(left.pop(place).text)
    return drawn


def _arrangement(options: Sequence[Offer], count: int, number: int) -> tuple[str, ...]:
    """Return the `number`th way to take `count` options in an order."""
    left = list(options)
    taken = []
    for place in range(count):
        index, number = divmod(number, perm(len(left) - 1, count - place - 1))
        taken.append(left.pop(index).text)
    return tuple(taken)

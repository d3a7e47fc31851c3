"""What the images of each class are called in training: prompts from templates that show `{class}`. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from synthgen.errors import UsageError
from synthgen.spec.messages import suggestion_or_all
from synthgen.spec.prompting import spaces_of
from synthgen.spec.rules import CLASS, SUFFIX
from synthgen.spec.template import Template, TemplateError

if TYPE_CHECKING:
    from synthgen.spec import Spec
    from synthgen.tuning.settings import LearntWord

TEMPLATE = "a photo of a {class}"
_HINT = f"Such as `template={TEMPLATE!r}`."

ClassPrompts = Mapping[str, tuple[str, ...]]
"""By class its prompts, at least one."""


def prompts_of_template(template: str, classes: Sequence[str]) -> ClassPrompts:
    """Fill a template with each class.

    Raises:
        UsageError: it is no template, or does not show the class, or something else besides.
    """
    try:
        parsed = Template.parse(template)
    except TemplateError as error:
        raise UsageError(str(error), argument="template", hint=_HINT) from error
    if CLASS not in parsed.variables:
        raise UsageError(f"{template!r} has no {{class}}", argument="template", hint=_HINT)
    if others := [*(name for name in parsed.variables if name != CLASS), *parsed.shown]:
        what = f"{template!r} has {{{others[0]}}}, and of the real images only the class is known"
        raise UsageError(what, argument="template", hint=_HINT)
    return {name: (parsed.render({CLASS: name}),) for name in classes}


def with_word(prompts: ClassPrompts, word: LearntWord, spec: str) -> ClassPrompts:
    """Return the prompts of a spec that say a word of their class.

    Args:
        spec: its name.

    Raises:
        UsageError: none does.
    """
    found = tuple(text for text in prompts[word.class_name] if word.token in text)
    if not found:
        what = f"no template of {spec} that shows only the class says {word.token!r} of {word.class_name!r}"
        raise UsageError(what, argument="spec", hint="Write the word into such a template, or give `template`.")
    return {word.class_name: found}


def prompts_of_spec(spec: Spec, classes: Sequence[str]) -> ClassPrompts:
    """Return the prompts of each class that a spec has and whose templates show nothing but the class.

    Raises:
        UsageError: the spec has no such class, or no such template.
    """
    found: dict[str, tuple[str, ...]] = {}
    for name in classes:
        if name not in spec.classes:
            what = f"{name!r} is not a class of the spec {spec.name}{suggestion_or_all(name, list(spec.classes))}"
            raise UsageError(what, argument="real", hint="Give the classes of both the same names.")
        plain = [one for one in spaces_of(spec, name, {}) if {*one.order} <= {SUFFIX}]
        if not plain:
            what = f"no template of {spec.name} shows only the class of {name!r}, and of real images no more is known"
            raise UsageError(what, argument="spec", hint=f"Add such a template, or give `template`. {_HINT}")
        texts = (one.template.render({CLASS: name, **one.numbered(0)}, closes_gaps=True) for one in plain)
        found[name] = tuple(dict.fromkeys(texts))
    return found

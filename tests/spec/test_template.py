from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.spec import Template, TemplateError, Variable
from synthgen.spec.template import SUFFIXED

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
PARTS = st.lists(st.one_of(st.text(max_size=8), NAMES.map(Variable)), max_size=8)


def written(part: str | Variable) -> str:
    if isinstance(part, Variable):
        return f"{{{part.form}:{part.name}}}" if part.form else f"{{{part.name}}}"
    return part.replace("{", "{{").replace("}", "}}")


@settings(max_examples=60)
@given(PARTS, st.text(max_size=8))
def test_rendering_puts_values_for_names_and_nothing_else(parts: list[str | Variable], value: str) -> None:
    template = Template.parse("".join(map(written, parts)))
    names = [part.name for part in parts if isinstance(part, Variable)]
    assert template.variables == tuple(dict.fromkeys(names))
    expected = "".join(value if isinstance(part, Variable) else part for part in parts)
    assert template.render(dict.fromkeys(names, value)) == expected


@settings(max_examples=60)
@given(st.text(alphabet="{}a.[]!:_ 0", max_size=12))
def test_any_text_parses_or_is_refused(text: str) -> None:
    with suppress(TemplateError):
        template = Template.parse(text)
        assert Template.parse("".join(map(written, template.parts))).parts == template.parts


def test_parts_are_texts_and_variables_in_order() -> None:
    assert Template.parse("a {{b}} {c}!").parts == ("a {b} ", Variable("c"), "!")


@pytest.mark.parametrize(
    "text", ["{", "}", "a {b", "a b}", "{}", "{a b}", "{0}", "{a.b}", "{a[0]}", "{a!r}", "{a:>9}", "{{{a"]
)
def test_only_names_may_stand_in_braces(text: str) -> None:
    with pytest.raises(TemplateError, match="at character"):
        Template.parse(text)


def test_values_are_not_substituted_again() -> None:
    assert Template.parse("{a}{b}").render({"a": "{b}", "b": "{a}"}) == "{b}{a}"


@given(PARTS, st.text(min_size=1, max_size=8))
def test_without_empty_values_a_prompt_is_what_versions_before_these_wrote(
    parts: list[str | Variable], value: str
) -> None:
    # Runs that were planned before values could be empty go on with the prompts that they had, doubled marks too.
    template = Template.parse("".join(map(written, parts)))
    assert template.render(dict.fromkeys(template.variables, value), closes_gaps=True) == "".join(
        value if isinstance(part, Variable) else part for part in parts
    )


def test_a_missing_value_is_an_error() -> None:
    with pytest.raises(KeyError, match="skin"):
        Template.parse("{skin}").render({})


@pytest.mark.parametrize(
    ("template", "suffix", "expected"),
    [
        ("a chef, {mood}, at night", "", "a chef, at night"),
        ("a chef {mood}, {mood}, at night", "", "a chef, at night"),
        ("a chef, {mood}.", "", "a chef."),
        ("a chef. {mood}. Night", "", "a chef. Night"),
        ("{mood}, a chef", "", "a chef"),
        ("a chef, {mood}", "", "a chef"),
        ("a chef ({mood}) at night", "", "a chef at night"),
        ("it is 5:{mood}00", "", "it is 5:00"),
        ("a chef", ", oil", "a chef, oil"),
        ("a chef,", ", oil", "a chef, oil"),
        ("a chef, {mood}", ", oil", "a chef, oil"),
        ("a chef.", "oil", "a chef, oil"),
        ("a chef!", "oil", "a chef! oil"),
        ("{mood}", ", oil", "oil"),
    ],
)
def test_an_empty_value_and_a_suffix_leave_no_gap_and_no_doubled_mark(
    template: str, suffix: str, expected: str
) -> None:
    whole = Template(template, (*Template.parse(template).parts, Variable("suffix", SUFFIXED)))
    assert whole.render({"mood": "", "suffix": suffix}, closes_gaps=True) == expected

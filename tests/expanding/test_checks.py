import pytest

from synthgen.expanding.answers import prompts_in
from synthgen.expanding.checks import PromptChecks
from synthgen.spec import parse_spec

HEAD = """
synthgen: 1
name: food
model: {id: owner/name}
prompts: {templates: ["a {class}"]}
safety: {block: [blood]}
classes:
  dog: 1
  hot dog: 1
  wolf: {count: 1, definition: a grey wild hunter}
"""


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("dog", "a dog in the snow", None),
        ("dog", "two DOGS, running", None),
        ("wolf", "wolves at night", None),
        ("wolf", "a grey wild hunter at night", None),
        ("hot dog", "a hot dog on a plate", None),
        ("dog", "a hot dog on a plate", "naming another class"),
        ("hot dog", "a dog beside a hot-dog", "naming another class"),
        ("dog", "a dog and a wolf's den", "naming another class"),
        ("dog", "a dog and two wolves", "naming another class"),
        ("dog", "a dogma", "not naming their class"),
        ("dog", "a dog,\nsecond line", "with line breaks or invisible characters"),
        ("dog", "a dog\u202e", "with line breaks or invisible characters"),
        ("dog", "prompts about a dog:", "introducing a list"),
        ("dog", "dog " * 300, "with more than 600 characters"),
        ("dog", "a dog with Blood", "with a blocked phrase"),
        ("dog", "...", "without text"),
        ("dog", None, "without text"),
    ],
)
def test_each_text_has_one_reason_or_none(name: str, text: str | None, reason: str | None) -> None:
    assert PromptChecks(parse_spec(HEAD)).alone(text, name, {}) == reason


def test_copies_are_told_from_prompts_that_differ() -> None:
    checks = PromptChecks(parse_spec(HEAD)).of_class("dog")
    texts = ["a dog in a red coat", "A dog, in a RED coat.", "a dog in a blue coat", "a red dog in a coat"]
    assert [checks.take(text, {}) for text in texts] == [
        None,
        "repeating another one",
        None,
        "almost the same as another one",
    ]
    assert checks.take("a dog by the sea", {"fur": "dark"}) == "not saying the value that they are for"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ('["a", "b"]', ["a", "b"]),
        ('<think>["no"]</think>{"prompts": [{"prompt": "a"}, {"x": 1}, null]}', ["a", None, None]),
        ('Sure:\n```json\n["a"]\n```\nbye', ["a"]),
        ("1. a\n2) \"b\",\n- 'c'\n\n* d\n(5) e", ["a", "b", "c", "d", "e"]),
        ("[" * 100_000, ["[" * 100_000]),
        ('{"a": 1}', ['{"a": 1}']),
        ("", []),
    ],
)
def test_answers_are_read_whatever_their_form(answer: str, expected: list[str | None]) -> None:
    assert list(prompts_in(answer)) == expected

import pytest

from synthgen.errors import SpecError
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


@pytest.mark.parametrize(
    ("expand", "message"),
    [
        ("{}", "prompts.expand: missing key 'file'"),
        ("{file: a.txt, model: ./m}", "prompts.expand.file: expected a file that ends in .json"),
        ("{file: a.json}", "prompts.expand: expected either 'model' or 'endpoint'"),
        ("{file: a.json, model: ./m, endpoint: 'http://x/v1', name: n}", "prompts.expand: expected either"),
        ("{file: a.json, endpoint: 'http://x/v1'}", "prompts.expand.endpoint: missing key 'name'"),
        ("{file: a.json, model: ./m, name: n}", "prompts.expand.name: 'name' goes with 'endpoint'"),
        ("{file: a.json, model: ./m, revision: main}", "prompts.expand.revision: a folder has no revision"),
        ("{file: a.json, endpoint: 'http://u:p@x/v1', name: n}", "the address contains a user name"),
        ("{file: a.json, model: ./m}", "prompts.expand.file: there is no file a.json"),
        ("{file: a.json, prompts: {chef: [{texts: [a]}]}}", "prompts.expand.file: use either 'file' or 'prompts'"),
        ("{prompts: {cook: [{texts: [a]}]}}", "prompts.expand: it has no prompts for 'chef'"),
        ("{prompts: {chef: [{values: {q: z}, texts: [a]}]}}", "prompts.expand: it has prompts for values of 'q'"),
    ],
)
def test_what_does_not_go_together_is_refused_with_its_place(expand: str, message: str) -> None:
    head = "synthgen: 1\nname: x\nmodel: {id: 'bundled:workers'}\nclasses: {chef: 4}\nprompts:\n  expand: "
    with pytest.raises(SpecError) as caught:
        parse_spec(f"{head}{expand}\n")
    assert str(caught.value.problems[0]).partition(": ")[2].startswith(message)

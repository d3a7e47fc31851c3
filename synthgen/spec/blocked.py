"""`safety.block`: phrases that no prompt may contain."""

from collections.abc import Iterator

from synthgen.spec.bare import Data, Violation, mapping, texts_at
from synthgen.spec.phrases import Phrases, TextPart, TooManyError
from synthgen.spec.place import Path, quoted
from synthgen.spec.template import Template, TemplateError

_PATH = ("safety", "block")
_SHOWN = 200
"""Characters of a prompt: its end, since that is where the phrase is."""


def check_blocked(spec: Data) -> Iterator[Violation]:
    """Yield templates that can make a prompt with a phrase of `safety.block`.

    A phrase may begin in one part of a template and end in another. The time grows with the size of the spec, and not
    with the number of prompts that it can make.
    """
    block = mapping(spec, "safety").get("block")
    texts = [text for text in block if isinstance(text, str)] if isinstance(block, list) else []
    if not texts:
        return
    try:
        yield from _violations(spec, Phrases(texts))
    except TooManyError:
        what = "too many phrases and values of variables to find every prompt that contains a phrase"
        yield Violation(_PATH, f"{what}; expected fewer or shorter phrases")


def _violations(spec: Data, phrases: Phrases) -> Iterator[Violation]:
    prompts, classes = mapping(spec, "prompts"), mapping(spec, "classes")
    variables = mapping(prompts, "variables")
    values = {name: [text for _, text in texts_at((), each)] for name, each in variables.items()}
    of_class = TextPart(list(classes), "class")

    sources: list[tuple[Path, object, TextPart]] = [(("prompts", "templates"), prompts.get("templates"), of_class)]
    for name in classes:
        sources.append((("classes", name, "templates"), mapping(classes, name).get("templates"), TextPart([name])))
    for path, texts, named in sources:
        for place, text in texts_at(path, texts):
            try:
                parts = Template.parse(text).parts
            except TemplateError:
                continue
            found = phrases.search(
                TextPart([part])
                if isinstance(part, str)
                else named
                if part.name == "class"
                else TextPart(values.get(part.name, []), part.name)
                for part in parts
            )
            if found is not None:
                prompt = found.text[-_SHOWN:].strip()
                yield Violation(place, f"can make the prompt '… {prompt} …', which contains {_blocked(found.phrase)}")


def _blocked(phrase: str) -> str:
    return f"the blocked {quoted(phrase)}"

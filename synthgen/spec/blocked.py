"""`safety.block`: phrases that no prompt may contain."""

from collections.abc import Iterator, Mapping
from itertools import product

from synthgen.spec.bare import Data, Violation, mapping, texts_at
from synthgen.spec.place import Path, quoted
from synthgen.spec.template import Template, TemplateError
from synthgen.spec.wordings import words_of


def check_blocked(spec: Data) -> Iterator[Violation]:
    """Yield templates that can make a prompt with a phrase of `safety.block`.

    A phrase may begin in one part of a template and end in another. So every run of parts with at most two variables is
    checked with all their values.
    """
    block = mapping(spec, "safety").get("block")
    phrases = {text: words_of(text) for text in block if isinstance(text, str)} if isinstance(block, list) else {}
    if not phrases:
        return

    prompts, classes = mapping(spec, "prompts"), mapping(spec, "classes")
    variables = mapping(prompts, "variables")
    sources: list[tuple[Path, object, list[str]]] = [
        (("prompts", "templates"), prompts.get("templates"), list(classes))
    ]
    sources += [(("classes", name, "templates"), mapping(classes, name).get("templates"), [name]) for name in classes]

    for path, texts, names in sources:
        for place, text in texts_at(path, texts):
            try:
                template = Template.parse(text)
            except TemplateError:
                continue
            values = {name: [value for _, value in texts_at((), variables.get(name))] for name in template.variables}
            for prompt in _excerpts(template, {**values, "class": names}):
                found = [phrase for phrase, words in phrases.items() if f" {words} " in f" {words_of(prompt)} "]
                if found:
                    yield Violation(
                        place,
                        f"can make the prompt '… {prompt.strip()} …', which contains the blocked {quoted(found[0])}",
                    )
                    break


def _excerpts(template: Template, values: Mapping[str, list[str]]) -> Iterator[str]:
    parts, most = template.parts, 2
    for start in range(len(parts)):
        chosen: list[list[str]] = []
        held = 0
        for part in parts[start:]:
            held += not isinstance(part, str)
            if held > most:
                break
            chosen.append([part] if isinstance(part, str) else values.get(part.name, []))
        yield from map("".join, product(*chosen))

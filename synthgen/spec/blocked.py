"""`safety.block`: phrases that no prompt may contain."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from synthgen.spec.bare import Data, Violation, mapping, texts_at
from synthgen.spec.expanded import expanded_texts
from synthgen.spec.phrases import Phrases, TextPart, TooManyError
from synthgen.spec.place import Path, quoted
from synthgen.spec.rules import all_values, pick_of
from synthgen.spec.template import Template, TemplateError, TemplatePart, Variable, after_comma

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
    bare = [name for name in classes if mapping(classes, name).get("templates") is None]
    common: list[str] = []  # classes that share common templates, and have no variables of their own
    sources: list[tuple[Path, object, list[str]]] = []
    for name in classes:
        own = mapping(classes, name)
        if name not in bare:
            sources.append((("classes", name, "templates"), own.get("templates"), [name]))
        elif mapping(own, "variables"):
            sources.append((("prompts", "templates"), prompts.get("templates"), [name]))
        else:
            common.append(name)
    if common or not bare:
        sources.insert(0, (("prompts", "templates"), prompts.get("templates"), common or list(classes)))

    for number, (path, texts, names) in enumerate(sources):
        parts_of = _Alternatives(
            prompts, names, mapping(classes, names[0]) if names and names != common else {}, number
        )
        for place, text in texts_at(path, texts):
            try:
                parts = Template.parse(text).parts
            except TemplateError:
                continue
            found = phrases.search(parts_of.all(parts))
            if found is not None:
                prompt = found.text[-_SHOWN:].strip()
                yield Violation(place, f"can make the prompt '… {prompt} …', which contains {_blocked(found.phrase)}")
    yield from _in_expanded(prompts, phrases)


def _in_expanded(prompts: Data, phrases: Phrases) -> Iterator[Violation]:
    """Yield a prompt of a language model that contains a phrase, alone or with the suffix."""
    if texts := expanded_texts(prompts):
        found = phrases.search([TextPart(texts), *_Alternatives(prompts, [], {}, 0).all(())])
        if found is not None:
            what = f"it has the prompt '… {found.text[-_SHOWN:].strip()} …', which contains {_blocked(found.phrase)}"
            yield Violation(("prompts", "expand"), f"{what}: `synthgen expand` asks for another one")


class _Alternatives:
    """What each part of a template may be, for classes that share their variables.

    Args:
        number: of these alternatives: where they differ from others, their parts have other names.
        columns: what stands for columns of the source. Without a text, it is a gap.
    """

    def __init__(
        self, prompts: Data, names: list[str], own: Data, number: int, columns: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        self._columns = columns
        variables = {**mapping(prompts, "variables"), **mapping(own, "variables")}
        self._values = {name: all_values(each) for name, each in variables.items()} | {"class": names}
        suffix = prompts.get("suffix")
        texts = [suffix] if isinstance(suffix, str) else [text for _, text in texts_at((), suffix)]
        self._suffix = [TextPart([after_comma(text) for text in texts], "suffix")] if texts else []
        self._picks = {name: pick_of(each) for name, each in variables.items()}
        self._prefix = dict.fromkeys(("class", *mapping(own, "variables")), f"{number}/")

    def all(self, parts: Iterable[TemplatePart]) -> Iterator[TextPart]:
        places = Counter(part.name for part in parts if isinstance(part, Variable))
        for part in parts:
            if isinstance(part, str):
                yield TextPart([part])
                continue
            if part.name in self._columns:
                yield TextPart([part.written(self._columns[part.name])])
                continue
            name = f"{self._prefix.get(part.name, '')}{part.form}:{part.name}"
            own = TextPart([part.written(value) for value in self._values.get(part.name, [])], name)
            yield own
            for place in range(1, self._picks.get(part.name) or 1) if places[part.name] == 1 else ():
                last = place + 1 == self._picks[part.name]
                yield TextPart([" and " if last else ", "])
                yield own
        yield from self._suffix


def blocked_prompt(
    sections: tuple[Data, Data],
    class_name: str,
    number: int,
    phrases: Phrases,
    template: Template,
    columns: Mapping[str, str],
) -> str | None:
    """Find a phrase in the prompts that a template makes of a class, with these texts of columns of the source.

    Args:
        sections: `prompts`, and that of the class.
        number: of the class. What is known of one in `phrases` is not taken for another.

    Raises:
        TooManyError: it takes too long.
    """
    prompts, own = sections
    found = phrases.search(_Alternatives(prompts, [class_name], own, number, columns).all(template.parts))
    return None if found is None else found.phrase


def _blocked(phrase: str) -> str:
    return f"the blocked {quoted(phrase)}"

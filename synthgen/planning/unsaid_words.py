"""Classes whose prompts do not say a word that the model was taught: it does nothing there."""

from collections.abc import Iterator

from synthgen.planning.weighted_phrases import texts_in
from synthgen.spec import Spec

_SHOWN = 3


def unsaid_words(spec: Spec) -> Iterator[str]:
    """Yield a note for each textual inversion that some classes never say, though others do."""
    for index, adapter in enumerate(spec.model.adapters):
        word = adapter.trigger if adapter.kind == "textual_inversion" else None
        if word is None:
            continue
        silent = [name for name in spec.classes if word.casefold() not in _said(spec, name)]
        if 0 < len(silent) < len(spec.classes):
            more = f" and {len(silent) - _SHOWN:,} more classes" if len(silent) > _SHOWN else ""
            of = ", ".join(map(repr, silent[:_SHOWN])) + more
            yield f"model.adapters.{index}: no prompt of {of} says {word!r}, so it changes nothing there"


def _said(spec: Spec, name: str) -> str:
    """Return all that a prompt of a class can say."""
    own, common = spec.classes[name].model_dump(), spec.prompts.model_dump()
    if own.get("templates"):
        common.pop("templates", None)
    return "\n".join([name, *texts_in(own), *texts_in(common)]).casefold()

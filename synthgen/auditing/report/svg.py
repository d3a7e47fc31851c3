"""A matplotlib figure as SVG that may stand in a page beside others: the page's letters and colours, ids of its own."""

import warnings
from collections.abc import Mapping
from contextlib import AbstractContextManager
from io import StringIO
from re import compile as pattern
from re import sub
from xml.etree import ElementTree

from markupsafe import Markup
from matplotlib import rc_context
from matplotlib.figure import Figure

from synthgen.inert import inert

INK, SOFT, LINE, FIRST, SECOND, BAND = "#010101", "#020202", "#030303", "#040404", "#050505", "#060606"
PAPER = "#070707"
_ROLES: Mapping[str, str] = {
    INK: "var(--ink)",
    SOFT: "var(--soft)",
    LINE: "var(--line)",
    FIRST: "var(--first)",
    SECOND: "var(--second)",
    BAND: "var(--band)",
    PAPER: "var(--sheet)",
}
"""Colours of the figure stand for roles, which the page's style fills in: for light, for dark, and for paper."""
_SVG = "{http://www.w3.org/2000/svg}"
_HREF = "{http://www.w3.org/1999/xlink}href"
_REFERENCE = pattern(r"url\(#([^)]+)\)")


def styled() -> AbstractContextManager[None]:
    """Figures are made and drawn within it."""
    return rc_context(
        {
            "svg.fonttype": "none",
            "svg.hashsalt": "synthgen",
            "text.parse_math": False,
            "font.size": 8,
            "text.color": INK,
            "axes.edgecolor": LINE,
            "axes.facecolor": "none",
            "figure.facecolor": "none",
            "xtick.color": SOFT,
            "ytick.color": INK,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.spines.left": False,
            "xtick.major.size": 0,
            "ytick.major.size": 0,
            "xtick.labelsize": 7,
        }
    )


def to_svg(figure: Figure, key: str, title: str, description: str) -> Markup:
    """The figure, which was made within `styled()`.

    Equal figures give equal bytes. Text stays text, which readers and searches find.

    Args:
        key: of this figure alone in its page: letters, digits, hyphens.
        title, description: read aloud in the figure's place.
    """
    out = StringIO()
    with styled(), warnings.catch_warnings():
        # Letters that matplotlib's own font lacks: the page's fonts draw them.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    root = ElementTree.fromstring(out.getvalue())
    _strip(root)
    _rename(root, key)
    _recolour(root)
    _describe(root, key, title, description)
    ElementTree.register_namespace("", _SVG[1:-1])
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def _strip(root: ElementTree.Element) -> None:
    """Without its own style, which would be the whole page's, and without its fixed size."""
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in (f"{_SVG}metadata", f"{_SVG}style"):
                parent.remove(child)
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)


def _rename(root: ElementTree.Element, key: str) -> None:
    """Ids that something refers to begin with `key`; the others go."""
    used = set()
    for element in root.iter():
        if reference := element.attrib.pop(_HREF, None):
            element.set("href", f"#{key}-{reference[1:]}")
            used.add(reference[1:])
        if clip := _REFERENCE.fullmatch(element.attrib.get("clip-path", "")):
            element.set("clip-path", f"url(#{key}-{clip[1]})")
            used.add(clip[1])
    for element in root.iter():
        if (own := element.attrib.pop("id", None)) in used:
            element.set("id", f"{key}-{own}")


def _recolour(root: ElementTree.Element) -> None:
    for element in root.iter():
        if style := element.attrib.get("style"):
            style = sub(r"font-family:[^;]*;?", "", style)
            for colour, role in _ROLES.items():
                style = style.replace(colour, role)
            element.set("style", style.strip())


def _describe(root: ElementTree.Element, key: str, title: str, description: str) -> None:
    root.set("role", "img")
    root.set("aria-labelledby", f"{key}-title {key}-desc")
    for place, (tag, text) in enumerate((("title", title), ("desc", description))):
        element = ElementTree.Element(f"{_SVG}{tag}", {"id": f"{key}-{tag}"})
        element.text = inert(text)
        root.insert(place, element)

"""A matplotlib figure as SVG for a page with several figures: the page's fonts and colours, and ids of its own."""

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
"""The figure's colours are placeholders for roles. The page's style defines them for light, for dark, and for paper."""
_SVG = "{http://www.w3.org/2000/svg}"
_HREF = "{http://www.w3.org/1999/xlink}href"
_REFERENCE = pattern(r"url\(#([^)]+)\)")


def styled() -> AbstractContextManager[None]:
    """Return the context in which figures are made and drawn."""
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
    """Write a figure that was made within `styled()` as SVG.

    Equal figures give equal bytes. Text stays text, for screen readers and searches.

    Args:
        key: unique in the page: letters, digits, hyphens.
        title, description: read aloud in place of the figure.
    """
    out = StringIO()
    with styled(), warnings.catch_warnings():
        # The page's fonts draw the letters that matplotlib's own font lacks.
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
    """Remove the fixed size, and the style, which would apply to the whole page."""
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in (f"{_SVG}metadata", f"{_SVG}style"):
                parent.remove(child)
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)


def _rename(root: ElementTree.Element, key: str) -> None:
    """Prefix the ids that something refers to with `key`, and remove the others."""
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

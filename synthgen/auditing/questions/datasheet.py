"""A datasheet: the questions of "Datasheets for Datasets" (Gebru and others 2021, CACM 64), in our own words."""

from collections.abc import Mapping, Sequence

from synthgen.auditing.questions.facts import Facts
from synthgen.auditing.questions.findings import QuestionGroup
from synthgen.records import AskedPoint

_OWNER, _MAKER, _USER = "ask who owns the dataset", "ask who made it", "ask who uses it"
_Asked = tuple[str, str, tuple[str, ...], str | None]
"""Its key, what is asked, the facts that answer it, and what remains open."""

_GROUPS: Mapping[str, Sequence[_Asked]] = {
    "motivation": (
        ("purpose", "What was it made for, and which gap does it fill?", (), f"The purpose: {_OWNER}."),
        ("makers", "Who made it, for whom, and who paid?", (), f"People, organisations and money: {_OWNER}."),
    ),
    "composition": (
        (
            "instances",
            "What is one item, and are there several kinds?",
            ("origin", "design"),
            f"What the classes mean: {_MAKER}.",
        ),
        ("number", "How many items are there of each kind?", ("instances", "classes"), None),
        (
            "sample",
            "Is it all there is, or a sample, and of what?",
            ("targets",),
            f"What it should represent: {_MAKER}.",
        ),
        (
            "content",
            "What does an item consist of?",
            ("stored", "prompts"),
            "What else belongs to an item, such as texts.",
        ),
        (
            "labels",
            "What are the labels, and where do they come from?",
            ("labels",),
            f"How classes were assigned: {_MAKER}.",
        ),
        ("missing", "Is anything missing, and why?", ("missing", "gaps"), f"The reasons: {_MAKER}."),
        (
            "relations",
            "Do items belong together, or repeat each other?",
            ("repeats",),
            f"Relations that pixels do not show: {_MAKER}.",
        ),
        ("splits", "Are there splits, and why these?", ("splits",), f"The reasons for the splits: {_MAKER}."),
        (
            "errors",
            "Are there errors, noise or redundancies?",
            ("issues", "skew"),
            "Errors of the class labels, unless they were checked.",
        ),
        (
            "dependence",
            "Does it depend on anything outside that may change?",
            ("model",),
            f"Links and services: {_MAKER}.",
        ),
        (
            "sensitive",
            "Can it offend, or reveal what is confidential?",
            ("safety",),
            f"Look at the images, and {_OWNER}.",
        ),
        (
            "people",
            "Does it show groups of people, and how many of each?",
            ("attributes",),
            "All groups that were not measured.",
        ),
    ),
    "collection": (
        ("acquired", "How was each item obtained?", ("origin", "prompts"), f"For sets that no run made: {_MAKER}."),
        (
            "tools",
            "With which machines or programs, and how were these checked?",
            ("model",),
            f"How the model was chosen: {_MAKER}.",
        ),
        ("sampling", "How was it decided what goes in?", ("filters", "losses"), f"Decisions by hand: {_MAKER}."),
        ("time", "When, by whom, and for what pay?", ("audit",), f"Dates and people of the making: {_OWNER}."),
        ("ethics", "Was it reviewed ethically?", (), f"Reviews: {_OWNER}."),
        (
            "consent",
            "Do people appear who were asked and may withdraw?",
            (),
            f"Real people in it, or in what the model learned from: {_OWNER}.",
        ),
    ),
    "preparation": (
        (
            "done",
            "What was cleaned, filtered or labelled?",
            ("filters", "losses", "labels"),
            f"Steps outside of this tool: {_MAKER}.",
        ),
        ("raw", "Are the raw data kept?", (), f"Where they are: {_OWNER}."),
    ),
    "uses": (
        ("so far", "What was it used for so far?", (), f"Uses: {_USER}."),
        (
            "risks",
            "What in it may harm some uses?",
            ("skew", "gates", "issues", "caveats"),
            f"Risks of the intended use: {_USER}.",
        ),
        ("avoid", "What should it not be used for?", (), f"Limits: {_OWNER}."),
    ),
    "distribution": (
        ("to whom", "Who gets it, when and how?", (), f"Recipients: {_OWNER}."),
        ("licence", "Under which licence or terms?", ("licence",), f"The licence of the dataset itself: {_OWNER}."),
    ),
    "maintenance": (
        ("contact", "Who looks after it, and how are they reached?", (), f"Names: {_OWNER}."),
        ("updates", "Is it updated, and what changed between versions?", ("trends",), f"Plans: {_OWNER}."),
        ("errata", "Where are known errors listed?", (), f"Errata: {_OWNER}."),
    ),
}


def datasheet(facts: Facts) -> tuple[QuestionGroup, ...]:
    """Answer the questions as far as the audit knows."""
    return tuple(
        QuestionGroup(name, tuple(_point(name, asked, facts) for asked in several)) for name, several in _GROUPS.items()
    )


def _point(group: str, asked: _Asked, facts: Facts) -> AskedPoint:
    key, what, subjects, remains = asked
    return AskedPoint(f"{group}: {key}", what, facts.of(*subjects), remains, facts.link(*subjects))

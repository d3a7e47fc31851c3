"""Article 10(2) of Regulation (EU) 2024/1689: what it asks about training, validation and testing data, point by point.

The points are in our own words; the Official Journal has the binding text.
"""

from synthgen.auditing.questions.facts import Facts
from synthgen.records import AskedPoint


def article_10(facts: Facts) -> tuple[AskedPoint, ...]:
    """Answer the points (a) to (h) as far as the audit knows."""

    def point(letter: str, asked: str, subjects: tuple[str, ...], remains: str) -> AskedPoint:
        return AskedPoint(f"10(2)({letter})", asked, facts.of(*subjects), remains, facts.link(*subjects))

    return (
        point(
            "a",
            "Which choices of design shape the data?",
            ("design", "prompts", "filters"),
            "Why these classes, attributes and limits: ask who designed the dataset.",
        ),
        point(
            "b",
            "How were the data gathered, where do they come from, and why were personal data first collected?",
            ("origin", "model"),
            "What the model was trained on, or who gathered the images, when, on what terms, and whether they are "
            "personal data: ask the model’s maker or whoever collected them.",
        ),
        point(
            "c",
            "How were they prepared: labelled, cleaned, updated, enriched, put together?",
            ("labels", "filters", "losses", "issues"),
            "What was done before this set reached the audit, and who labelled by which instructions: ask who "
            "prepared it.",
        ),
        point(
            "d",
            "What are they assumed to measure and to represent?",
            ("targets", "attributes"),
            "Which people, places and situations the data should stand for, and why these shares are right: ask who "
            "will use the system.",
        ),
        point(
            "e",
            "Are there enough suitable data?",
            ("instances", "classes", "splits", "precision"),
            "How much the purpose needs: ask who trains and tests the system.",
        ),
        point(
            "f",
            "Were they examined for biases that may harm health, safety or rights, or discriminate?",
            ("skew", "attributes", "gates"),
            "Which biases matter for the intended use. Attributes that are not named here were not examined: ask who "
            "knows the people concerned.",
        ),
        point(
            "g",
            "What was done to find, prevent and reduce such biases?",
            ("gates", "losses", "trends"),
            "What was changed because of what was found, outside of this tool: ask who is responsible for the data.",
        ),
        point(
            "h",
            "Which gaps and shortcomings remain, and how can they be closed?",
            ("gaps", "caveats", "missing"),
            "Who closes them, how, and by when: ask who is responsible for the data.",
        ),
    )

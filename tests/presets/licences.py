"""The table of licences in docs/licences.md: `python -m tests.presets.licences`."""

from pathlib import Path

from synthgen.presets.licences import TEXTS

PAGE = Path(__file__).parents[2] / "docs/licences.md"
BEGIN = "| --- | --- | --- | --- |\n"
END = "\nIds are the Hub's"


def page(text: str) -> str:
    """Return the page with the table as the code has it."""
    head, rest = text.split(BEGIN, 1)
    rows = "".join(
        f"| `{each.id}` | [{each.name}]({each.url}) | {each.commercial} | {each.non_commercial} |\n"
        for each in TEXTS.values()
    )
    return head + BEGIN + rows + END + rest.split(END, 1)[1]


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text("utf-8")), "utf-8")

"""What moved since earlier audits, on a terminal."""

from collections.abc import Callable, Iterator

from rich.table import Table
from rich.text import Text

from synthgen.auditing.report.trending import shown_movement
from synthgen.auditing.trends.findings import Trends
from synthgen.pages.page import short

_ROWS, _REASONS = 20, 6


def trend_tables(found: Trends | None, make: Callable[..., Table]) -> Iterator[Text | Table]:
    """Render what moved beyond chance, and what could not be compared.

    Args:
        make: makes an empty table of a title, columns and a caption.
    """
    if found is None:
        return
    names = ", ".join(f"v{at + 1} {short(each.place, 50)}" for at, each in enumerate(found.versions))
    aside = [f"v{at + 1}: {reason}" for at, each in enumerate(found.versions) for reason in each.not_compared]
    aside = aside[:_REASONS] + ([f"{len(aside) - _REASONS} more in audit.json"] if len(aside) > _REASONS else [])
    notes = [names, *(f"not compared with {each}" for each in aside)]
    if not found.moved:
        what = (
            f"none of {found.compared:,} differences is beyond chance" if found.movements else "nothing was comparable"
        )
        yield Text(f"what moved: {what}", "bold").append("\n" + "\n".join(notes), "not bold dim")
        return

    columns = ("what", "where", "since", ">then", ">now")
    table = make("what moved beyond chance", *columns, caption="\n".join(notes))
    for each in map(shown_movement, found.moved[:_ROWS]):
        texts = (f"{each.subject}: {each.what}", each.place, each.version, each.earlier, each.now)
        table.add_row(*(Text(short(text, 40)) for text in texts))
    if found.moved[_ROWS:]:
        table.add_row(f"{len(found.moved[_ROWS:]):,} more in audit.json")
    yield table

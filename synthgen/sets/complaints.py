"""What is wrong in a set, said at once: whoever mends one thing at a time would have to try as often as there are."""

from synthgen.errors import UsageError

_NAMED = 8


class Complaints:
    """What is wrong with single things, such as images. All are counted, and the first few are kept.

    Attributes:
        count: how many there are.
        of: the set, where the complaints themselves do not name it.
    """

    def __init__(self, things: str, of: str = "", most: int = _NAMED) -> None:
        """Begin without any.

        Args:
            things: what are counted, in the plural, such as "images cannot be used".
            of: see `Complaints`.
            most: so many are named.
        """
        self.count, self.of = 0, of
        self._things, self._most = things, most
        self._first: list[str] = []
        self._hints: dict[str, None] = {}

    def add(self, what: str, *hints: str | None) -> None:
        """Add one.

        Args:
            what: a clause that names the place.
            hints: what to do, in sentences. Equal ones are said once.
        """
        self.count += 1
        if len(self._first) < self._most:
            self._first.append(what)
            self._hints |= dict.fromkeys(filter(None, hints))

    def refuse(self, argument: str | None = None) -> None:
        """Do nothing if there are none.

        Args:
            argument: the one that is wrong, if the caller gave it.

        Raises:
            UsageError: there are some.
        """
        if not self.count:
            return
        what = self._first[0]
        if self.count > 1:
            more = [f"  and {self.count - len(self._first):,} more"] if self.count > len(self._first) else []
            lines = [f"{self.count:,} {self._things}:", *(f"  {one}" for one in self._first), *more]
            what = "\n".join(lines)
        raise UsageError(
            f"{self.of}: {what}" if self.of else what, hint=" ".join(self._hints) or None, argument=argument
        )

"""One score of a picture on the contact sheet, and how it stands to its limit."""

from dataclasses import dataclass
from math import inf, isfinite

from synthgen.records import Rule


@dataclass(frozen=True, slots=True)
class Score:
    """One score of a picture.

    Attributes:
        limit: the rule that uses it; None if there is none.
    """

    name: str
    value: float
    limit: Rule | None

    @property
    def text(self) -> str:
        if not isfinite(self.value):
            return "none"
        if self.value and abs(self.value) < 0.01:
            return f"{self.value:.1e}"
        # A failing score must not be rounded to a passing one: 0.9996 is below 0.9999.
        texts = [f"{self.value:.{digits}f}" for digits in (3, 4, 5, 6)]
        return next((text for text in texts if self._passes(float(text)) == self._passes(self.value)), texts[-1])

    def _passes(self, value: float) -> bool:
        return self.limit is None or self.limit.allows(value)

    @property
    def broken(self) -> str:
        """How the score fails, such as `< 0.5`; empty if it passes."""
        if self.limit is None or self._passes(self.value):
            return ""
        above = self.value > self.limit.ceiling or self.limit.floor == -inf
        return f"> {self.limit.ceiling:.6g}" if above else f"< {self.limit.floor:.6g}"

    @property
    def margin(self) -> float:
        """The distance to the nearer limit, as a share of it: 0.55 is closer to 0.5 than 0.3 to 0.2."""
        if self.limit is None or not isfinite(self.value):
            return inf
        limits = [limit for limit in (self.limit.floor, self.limit.ceiling) if isfinite(limit)]
        return min((abs(self.value - limit) / (abs(limit) or 1.0) for limit in limits), default=inf)

"""`SourceTurns`: which picture each attempt of a shard begins from, in turn, and how many images each has given."""

from collections import Counter

from synthgen.planning.dealing import Deal, deals_of
from synthgen.planning.plan import Plan
from synthgen.records import Candidate

_Turned = tuple[str, str]
"""A class and the id of a picture: images of two classes may begin from one picture."""


class SourceTurns:
    """The turns of one shard. What a turn is depends only on verdicts that its attempt may know."""

    def __init__(self, plan: Plan, shard: int, classes: set[str]) -> None:
        self._deals = deals_of(plan, shard, classes)
        self._turn = Counter[str]()
        self._places: dict[_Turned, int] = {}  # of the pictures proposed
        self._now, self._known = Counter[_Turned](), Counter[_Turned]()  # accepted images by class and picture

    def next(self, class_name: str) -> str | None:
        """Return the next picture of a class of which the shard may have more images; None if it needs no picture.

        If none is known to be left, the next one in turn: its image will be surplus.
        """
        deal = self._deals.get(class_name)
        if deal is None:
            return None
        turn, full = self._turn[class_name], 0
        # A full picture has no more slots than it has images: so many are passed over at most.
        while full <= self._known.total() and not self._has_room(deal, deal.place(turn), self._known):
            turn, full = turn + 1, full + 1
        place = deal.place(turn)
        self._turn[class_name] = turn + 1
        source = deal.id(place)
        self._places[class_name, source] = place
        return source

    def has_room(self, candidate: Candidate) -> bool:
        """Whether the shard may have one more image of a candidate's picture."""
        deal = self._deals.get(candidate.class_name)
        place = self._places.get((candidate.class_name, candidate.source or ""))
        return deal is None or place is None or self._has_room(deal, place, self._now)

    def fill(self, candidate: Candidate) -> None:
        """Count an accepted image."""
        if candidate.source is not None:
            self._now[candidate.class_name, candidate.source] += 1

    def know(self, class_name: str, source: str) -> None:
        """Count an accepted image among those that the next attempt may know."""
        self._known[class_name, source] += 1

    def _has_room(self, deal: Deal, place: int, accepted: Counter[_Turned]) -> bool:
        limit = deal.limit(place)
        return limit is None or accepted[deal.class_name, deal.id(place)] < limit

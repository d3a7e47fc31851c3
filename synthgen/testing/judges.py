"""The contract of a `Judge`."""

from __future__ import annotations

from collections.abc import Callable

from synthgen.records import Assessment, Reason, Rendered
from synthgen.running import Judge
from synthgen.testing.checking import require, require_facts
from synthgen.testing.fakes import make_batch


def check_judge(make: Callable[[], Judge]) -> None:
    """Run every check of the contract.

    Args:
        make: gives a new judge on which `setup` has not been called, for a spec that has the class "chef" first.

    Raises:
        AssertionError: a check fails; it says what was expected.
    """
    for check in JUDGE_CHECKS:
        check(make)


def scores_are_those_announced(make: Callable[[], Judge]) -> None:
    """Every assessment has exactly the scores of `score_names`, known before `setup`, as floats."""
    judge = make()
    names = tuple(judge.score_names)
    judge.setup()
    judge.setup()
    judge.begin_shard()
    assessments = judge.assess(_shown(4))
    require(len(assessments) == 4, f"assess must give an assessment for each image, found {len(assessments)} of 4")
    for one in assessments:
        require(tuple(one.scores) == names, f"scores must be {names}, found {tuple(one.scores)}")
        require(all(type(score) is float for score in one.scores.values()), f"scores must be floats: {one.scores}")
        require(one.reason is None or isinstance(one.reason, Reason), f"not a reason: {one.reason!r}")
    require(judge.assess([]) == [], "assess must give nothing for nothing")
    require_facts(judge.provenance())


def a_shard_is_judged_by_itself(make: Callable[[], Judge]) -> None:
    """After `begin_shard` the same images get the same reasons, in batches of any size."""
    judge = make()
    judge.setup()
    judge.begin_shard()
    together = judge.assess(_shown(4))
    judge.begin_shard()
    one_by_one = [assessment for each in _shown(4) for assessment in judge.assess([each])]
    require(_reasons(together) == _reasons(one_by_one), "reasons must not depend on the batch, or on earlier shards")


JUDGE_CHECKS: tuple[Callable[[Callable[[], Judge]], None], ...] = (
    scores_are_those_announced,
    a_shard_is_judged_by_itself,
)


def _shown(count: int) -> list[Rendered]:
    batch = make_batch(count)
    pairs = zip(batch.candidates, batch.images, strict=True)
    return [Rendered(candidate, image, None, 0.01, count) for candidate, image in pairs]


def _reasons(assessments: list[Assessment]) -> list[Reason | None]:
    return [one.reason for one in assessments]

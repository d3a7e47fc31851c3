"""Who makes which shard when workers are lost: the policy alone, without a process."""

import pytest

from synthgen.errors import DeviceError, Interrupted, ModelError
from synthgen.events import Progress
from synthgen.running import Assignment, Outcome
from synthgen.running.executors.queue import TRIES, ShardQueue, WorkerProgress


def at_work(shard: int, *under_way: int) -> Progress:
    return Progress(shard, {}, 1.0, committed=False, under_way=under_way)


def committed(shard: int) -> Progress:
    return Progress(shard, {}, 1.0, committed=True)


def test_a_lost_shard_is_given_out_next_and_set_aside_after_some_tries() -> None:
    queue = ShardQueue([4, 5])
    for tries in range(1, TRIES + 1):
        hand = WorkerProgress()
        assert queue.take(hand) == Assignment(4)
        assert queue.lose(hand) == (4 if tries == TRIES else None)
    last = WorkerProgress()
    assert (queue.take(last), queue.take(last)) == (Assignment(5), None)
    queue.end(last, Outcome((5,), (), (), ()))
    queue.lose(last)
    assert queue.outcome() == Outcome((5,), (), (), failed=(4,))


def test_of_a_lost_worker_what_it_committed_counts_and_what_it_did_not_tell_is_given_out_again() -> None:
    queue, hand = ShardQueue(range(4)), WorkerProgress()
    for shard in (0, 1, 2):
        queue.take(hand)
        if shard != 1:
            queue.hear(hand, committed(shard))
    assert queue.lose(hand) is None
    rest = WorkerProgress()
    assert [queue.take(rest) for _ in range(3)] == [Assignment(1), Assignment(3), None]
    queue.end(rest, Outcome((3,), (1,), (), ()))
    assert queue.outcome() == Outcome((0, 2, 3), (1,), (), ())


def test_a_candidate_that_is_under_way_at_two_deaths_is_skipped_and_does_not_cost_a_try() -> None:
    queue = ShardQueue([7])
    for under_way, known in (
        ([3, 4], Assignment(7)),
        ([4], Assignment(7, suspects=frozenset({3, 4}))),
        ([], Assignment(7, suspects=frozenset({3}), skipped=frozenset({4}))),
    ):
        hand = WorkerProgress()
        assert queue.take(hand) == known
        queue.hear(hand, at_work(7, *under_way))
        assert queue.lose(hand) is None
    assert queue.waiting == 1


def test_a_lost_machine_costs_its_shard_a_try_and_makes_no_candidate_suspect() -> None:
    queue = ShardQueue([7])
    for lost in range(TRIES):
        hand = WorkerProgress()
        assert queue.take(hand) == Assignment(7)
        queue.hear(hand, at_work(7, 0))
        assert queue.lose(hand, by_itself=False) == (7 if lost == TRIES - 1 else None)


def test_a_broken_device_costs_its_shard_no_try_and_loses_nothing_that_was_committed() -> None:
    queue = ShardQueue(range(3))
    for _ in range(2 * TRIES):
        hand = WorkerProgress()
        assert queue.take(hand) == Assignment(0)
        queue.hear(hand, at_work(0, 3, 4))
        queue.release(hand)
    queue.take(hand := WorkerProgress())
    queue.hear(hand, committed(0))
    assert queue.take(hand) == Assignment(1)
    queue.release(hand)
    assert queue.lose(hand) is None
    rest = WorkerProgress()
    assert [queue.take(rest) for _ in range(3)] == [Assignment(1), Assignment(2), None]
    queue.end(rest, Outcome((1, 2), (), (), ()))
    assert queue.outcome() == Outcome((0, 1, 2), (), (), ())


def test_after_a_stop_nothing_is_given_out_and_the_first_reason_is_told() -> None:
    queue, hand = ShardQueue([0, 1]), WorkerProgress()
    queue.stop(Interrupted("enough"))
    queue.stop(ModelError("late"))
    assert (queue.waiting, queue.take(hand)) == (0, None)
    with pytest.raises(Interrupted, match="enough"):
        queue.outcome()


def test_shards_that_nobody_made_are_an_error() -> None:
    with pytest.raises(DeviceError, match="2 shards are"):
        ShardQueue([0, 1]).outcome()

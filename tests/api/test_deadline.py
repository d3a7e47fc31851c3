"""A call that may take only so long."""

import time

import pytest

from synthgen.api.deadline import Deadline
from synthgen.cli.units import seconds
from synthgen.errors import Interrupted, UsageError
from synthgen.events import ClassProgress, Progress, ignore


def progress(attempts: int, shard: int = 0) -> Progress:
    return Progress(shard, {"chef": ClassProgress(attempts, 100, attempts)}, 1.0, committed=False)


def test_it_stops_before_a_batch_that_could_end_too_late(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    deadline = Deadline(100, lambda: False, ignore)
    for now, attempts in ((20.0, 0), (30.0, 8), (55.0, 16)):  # noqa: B007 - the clock reads it
        deadline.hear(progress(attempts))
        assert not deadline.stop()
    now = 74.0
    assert not deadline.stop()
    now = 76.0  # the longest batch took 25
    assert deadline.stop()
    with pytest.raises(Interrupted, match="stopped after 76 s, as `max_time` asks"), deadline.kept():
        raise Interrupted("interrupted")


def test_a_time_for_not_even_one_batch_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    deadline = Deadline(5, lambda: False, ignore)
    deadline.hear(progress(0))
    now = 6.0
    assert deadline.stop()
    with pytest.raises(UsageError, match="no batch was made") as caught, deadline.kept():
        raise Interrupted("interrupted")
    assert caught.value.argument == "max_time"


def test_a_stop_that_the_caller_asked_for_stays_as_it_is() -> None:
    deadline = Deadline(None, lambda: True, ignore)
    assert deadline.stop()
    with pytest.raises(Interrupted, match=r"^interrupted$"), deadline.kept():
        raise Interrupted("interrupted")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("3h50m", 13_800), ("45m", 2700), ("90s", 90), ("1h30s", 3630), ("7.5", 7.5), ("2h1m5s", 7265)],
)
def test_times_are_read(text: str, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "0", "0m", "-5", "5d", "50m3h", "1e400", "nan", "3 h", "h"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a time such as"):
        seconds(text)


@pytest.mark.parametrize("given", [0, -1, float("inf"), float("nan"), True, "5"])
def test_a_limit_must_be_seconds(given: object) -> None:
    with pytest.raises(UsageError) as caught:
        Deadline(given, lambda: False, ignore)  # type: ignore[arg-type]
    assert caught.value.argument == "max_time"

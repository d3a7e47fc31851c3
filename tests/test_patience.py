"""The limits of what does not get on, as the environment sets them."""

from collections.abc import Callable
from pathlib import Path

import pytest

import synthgen
from synthgen.errors import StorageError, UsageError
from synthgen.leftovers import alone
from synthgen.running import most_failures, read_given_up, same_failures
from synthgen.running.failures import write_failure
from synthgen.store import FolderStore
from tests.running.noise import make_run, noise_plan


def test_failures_alike_are_counted_to_the_limit_or_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FolderStore(tmp_path / "run")
    for _ in range(2):
        write_failure(store, 1, TypeError("no"))
    assert not read_given_up(store, (1,))
    monkeypatch.setenv("SYNTHGEN_SAME_FAILURES", "2")
    assert read_given_up(store, (1,)) == {1: "TypeError: no"}
    monkeypatch.setenv("SYNTHGEN_SAME_FAILURES", "0")
    monkeypatch.setenv("SYNTHGEN_MOST_FAILURES", "0")
    assert not read_given_up(store, (1,))
    assert same_failures() == most_failures() == float("inf")


def test_a_wait_for_another_process_ends_at_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_run(tmp_path / "run", noise_plan("classes={doctor: 2}"))
    monkeypatch.setenv("SYNTHGEN_WAIT_SECONDS", "0.3")
    with alone(tmp_path / "run"), pytest.raises(StorageError, match="has been changing this run for 0") as found:
        synthgen.finalize(tmp_path / "run")
    assert "SYNTHGEN_WAIT_SECONDS" in str(found.value.hint)
    assert synthgen.finalize(tmp_path / "run").summary.rows == 2


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("SYNTHGEN_SAME_FAILURES", "2.5"),
        ("SYNTHGEN_MOST_FAILURES", "many"),
        ("SYNTHGEN_SILENCE_SECONDS", "-1"),
        ("SYNTHGEN_WAIT_SECONDS", "inf"),
    ],
)
@pytest.mark.parametrize("call", [synthgen.run, synthgen.work])
def test_anything_but_a_number_is_refused_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Callable[..., object], variable: str, text: str
) -> None:
    monkeypatch.setenv(variable, text)
    with pytest.raises(UsageError, match=f"{variable}: expected .* or 0 for no limit; found '{text}'"):
        call(tmp_path / "nothing")
    assert list(tmp_path.iterdir()) == []

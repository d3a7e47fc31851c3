"""A shard that fails on every node: schedulers are told to give it up, and the cause is on the screen."""

from pathlib import Path

import pytest

from synthgen.api.making import refuse_failed
from synthgen.errors import ModelError
from synthgen.running import MOST_FAILURES, Outcome
from synthgen.running.failures import write_failure
from synthgen.store import FolderStore


def ended(store: FolderStore) -> ModelError:
    with pytest.raises(ModelError) as raised:
        refuse_failed(Outcome(committed=(), skipped=(), lost=(), failed=(3,)), store)
    return raised.value


def test_a_shard_that_keeps_failing_is_no_longer_worth_a_retry(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    for other in range(MOST_FAILURES):  # those of other shards do not count
        write_failure(store, 4 + other, RuntimeError("elsewhere"))
    for _ in range(MOST_FAILURES - 1):
        write_failure(store, 3, RuntimeError("the node broke"))
    assert ended(store).exit_code == 5
    write_failure(store, 3, RuntimeError("the node broke"))
    given_up = ended(store)
    assert given_up.exit_code == 2
    assert "failed: shard 3: RuntimeError: the node broke" in given_up.message
    assert f"shard 3 has failed {MOST_FAILURES} times" in given_up.message
    assert given_up.hint

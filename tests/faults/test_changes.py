"""Each command that changes a run meets faults, and is given again: the runs are as if nothing had been."""

from itertools import islice
from pathlib import Path

import pytest

from tests.faults.changes import CHANGES, Place
from tests.faults.commands import Server
from tests.faults.test_injected import needs_a_compiler

pytestmark = [needs_a_compiler, pytest.mark.parametrize("name", CHANGES)]


@pytest.mark.slow
def test_a_change_that_meets_some_fault_and_is_given_again_comes_out_the_same(
    server: Server, name: str, tmp_path: Path
) -> None:
    place = Place(server, tmp_path / "here", CHANGES[name])
    first = sum(map(ord, name)) % 8  # other kinds and actions for each command
    wrong = {str(fault): found for fault in islice(place.faults(1), first, None, 8) if (found := place.wrong(fault))}
    assert wrong == {}


@pytest.mark.sweep
@pytest.mark.timeout(0)
def test_a_change_that_meets_any_kind_of_fault_and_is_given_again_comes_out_the_same(
    server: Server, name: str, tmp_path: Path
) -> None:
    place = Place(server, tmp_path / "here", CHANGES[name])
    wrong = {str(fault): found for fault in place.faults(8) if (found := place.wrong(fault))}
    assert wrong == {}

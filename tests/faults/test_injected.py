"""The n-th call of a kind fails, is cut short, or is the last one: the run is made again as if nothing had been."""

import shutil
import sys
from itertools import islice

import pytest

from tests.faults.sweep import ACTS, Bench, tried

needs_a_compiler = pytest.mark.skipif(
    sys.platform != "linux" or not (shutil.which("gcc") or shutil.which("cc")),
    reason="the shim that injects faults is compiled by gcc or cc, on Linux",
)


def assert_none_wrong(calm: Bench, wrong: dict[str, list[str]]) -> None:
    report = "\n".join(f"{fault}: {'; '.join(found)}" for fault, found in wrong.items())
    assert not wrong, f"calls of the undisturbed run: {dict(calm.calls)}\n{report}"


@needs_a_compiler
@pytest.mark.slow
def test_a_run_that_meets_any_kind_of_fault_comes_out_the_same(calm: Bench) -> None:
    assert all(calm.calls[kind] for kinds in ACTS.values() for kind in kinds), "each kind of call is seen"
    before = calm.ends.total()
    tries, wrong = tried(calm, islice(calm.sample(1), 0, None, 2))
    assert_none_wrong(calm, wrong)
    assert calm.ends.total() - before == tries.total()
    assert {code for _, code in calm.ends} >= {5, -9}, "faults do reach the run"


@needs_a_compiler
@pytest.mark.sweep
@pytest.mark.timeout(0)
def test_a_run_that_meets_any_fault_at_all_comes_out_the_same(calm: Bench) -> None:
    _, wrong = tried(calm, calm.every())
    assert_none_wrong(calm, wrong)

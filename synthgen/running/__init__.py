"""Plan -> committed shards. Importing it imports neither torch nor datasets: `status` is quick."""

from synthgen.running.assignment import Assignment
from synthgen.running.at_work import at_work, changing, left_alone
from synthgen.running.deciding import Asked, Decided, decide
from synthgen.running.decisions import carry_decisions
from synthgen.running.executors.local import run_local
from synthgen.running.executors.ray import check_ray, run_ray
from synthgen.running.executors.slots import Slot, slots
from synthgen.running.failures import (
    count_failures,
    failed_for,
    grouped,
    read_causes,
    read_given_up,
)
from synthgen.running.opening import changed_keys, check_resolved, create_run, growth_in, is_begun, kept_spec, open_run
from synthgen.running.patience import MOST_FAILURES, SAME_FAILURES, check_limits, most_failures, same_failures
from synthgen.running.rejudge import rejudge
from synthgen.running.repair import Repaired, repair
from synthgen.running.restored import restore_markers
from synthgen.running.shard.protocols import EarlyGenerator, Generator, Judge
from synthgen.running.shard.worker import Outcome, work
from synthgen.running.state import RunState, check_intact, read_intact, read_part, read_state
from synthgen.running.surplus import extend_from_surplus, fill_from_surplus
from synthgen.running.topping_up import top_up
from synthgen.running.unused import is_unused
from synthgen.running.verify import Damage, unsealed, verify

__all__ = [
    "MOST_FAILURES",
    "SAME_FAILURES",
    "Asked",
    "Assignment",
    "Damage",
    "Decided",
    "EarlyGenerator",
    "Generator",
    "Judge",
    "Outcome",
    "Repaired",
    "RunState",
    "Slot",
    "at_work",
    "carry_decisions",
    "changed_keys",
    "changing",
    "check_intact",
    "check_limits",
    "check_ray",
    "check_resolved",
    "count_failures",
    "create_run",
    "decide",
    "extend_from_surplus",
    "failed_for",
    "fill_from_surplus",
    "grouped",
    "growth_in",
    "is_begun",
    "is_unused",
    "kept_spec",
    "left_alone",
    "most_failures",
    "open_run",
    "read_causes",
    "read_given_up",
    "read_intact",
    "read_part",
    "read_state",
    "rejudge",
    "repair",
    "restore_markers",
    "run_local",
    "run_ray",
    "same_failures",
    "slots",
    "top_up",
    "unsealed",
    "verify",
    "work",
]

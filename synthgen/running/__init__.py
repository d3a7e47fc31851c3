"""Plan -> committed shards. Importing it imports neither torch nor datasets: `status` is quick."""

from synthgen.running.additions import top_up
from synthgen.running.assignment import Assignment
from synthgen.running.executors.local import run_local
from synthgen.running.executors.ray import check_ray, run_ray
from synthgen.running.executors.slots import Slot, slots
from synthgen.running.failures import MOST_FAILURES, count_failures, failed_for, grouped, read_causes
from synthgen.running.opening import check_resolved, create_run, is_begun, kept_spec, open_run
from synthgen.running.rejudge import rejudge
from synthgen.running.repair import Repaired, repair
from synthgen.running.shard.protocols import Generator, Judge
from synthgen.running.shard.worker import Outcome, work
from synthgen.running.state import RunState, read_state
from synthgen.running.verify import Damage, unsealed, verify

__all__ = [
    "MOST_FAILURES",
    "Assignment",
    "Damage",
    "Generator",
    "Judge",
    "Outcome",
    "Repaired",
    "RunState",
    "Slot",
    "check_ray",
    "check_resolved",
    "count_failures",
    "create_run",
    "failed_for",
    "grouped",
    "is_begun",
    "kept_spec",
    "open_run",
    "read_causes",
    "read_state",
    "rejudge",
    "repair",
    "run_local",
    "run_ray",
    "slots",
    "top_up",
    "unsealed",
    "verify",
    "work",
]

"""Plan -> committed shards. Importing it imports neither torch nor datasets: `status` is quick."""

from synthgen.files import MissingFileError
from synthgen.run.actors import run_ray
from synthgen.run.additions import top_up
from synthgen.run.devices import Slot, check_devices, slots
from synthgen.run.failures import grouped, read_causes, retry_hint
from synthgen.run.folder_store import FolderStore
from synthgen.run.local import run_local
from synthgen.run.locations import Location, open_store
from synthgen.run.opening import create_run, is_begun, kept_spec, open_run
from synthgen.run.progress import Assignment, ClassProgress, Progress
from synthgen.run.protocols import Generator, Judge
from synthgen.run.rejudge import rejudge
from synthgen.run.repair import Repaired, repair
from synthgen.run.state import RunState, read_state
from synthgen.run.store import RunStore
from synthgen.run.verify import Finding, unsealed, verify
from synthgen.run.worker import Outcome, work

__all__ = [
    "Assignment",
    "ClassProgress",
    "Finding",
    "FolderStore",
    "Generator",
    "Judge",
    "Location",
    "MissingFileError",
    "Outcome",
    "Progress",
    "Repaired",
    "RunState",
    "RunStore",
    "Slot",
    "check_devices",
    "create_run",
    "grouped",
    "is_begun",
    "kept_spec",
    "open_run",
    "open_store",
    "read_causes",
    "read_state",
    "rejudge",
    "repair",
    "retry_hint",
    "run_local",
    "run_ray",
    "slots",
    "top_up",
    "unsealed",
    "verify",
    "work",
]

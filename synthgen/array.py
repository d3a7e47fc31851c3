"""Which part of a run is this task's, by what its scheduler says."""

from collections.abc import Mapping

from synthgen.errors import UsageError


def index_and_count(index: int | None, count: int | None, environment: Mapping[str, str]) -> tuple[int, int]:
    """The task's index from 0 and the number of tasks: as given, else as the environment has them.

    Known are SLURM arrays, whatever number they begin with; Kubernetes Indexed Jobs, which tell their index alone;
    and `RANK` and `WORLD_SIZE`, which torchrun and accelerate set.

    Raises:
        UsageError: neither says it, or a variable is no number.
    """
    if index is None and "SLURM_ARRAY_TASK_ID" in environment:
        index = _number(environment, "SLURM_ARRAY_TASK_ID") - _number(environment, "SLURM_ARRAY_TASK_MIN", "0")
        count = count or _number(environment, "SLURM_ARRAY_TASK_COUNT")
    elif index is None and "JOB_COMPLETION_INDEX" in environment:
        index = _number(environment, "JOB_COMPLETION_INDEX")
    elif index is None and "RANK" in environment:
        index = _number(environment, "RANK")
        count = count or _number(environment, "WORLD_SIZE")
    if index is None or count is None:
        missing = "--index and --of" if index is None else "--of"
        raise UsageError(f"which part of the run? {missing} is missing", hint="For all of it: --index 0 --of 1.")
    return index, count


def _number(environment: Mapping[str, str], name: str, default: str = "") -> int:
    text = environment.get(name, default)
    if not text.isdecimal():
        raise UsageError(f"the variable {name}: expected a whole number, found {text!r}")
    return int(text)

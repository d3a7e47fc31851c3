"""Which part of a run is this task's, by what its scheduler says."""

from collections.abc import Mapping

from synthgen.errors import UsageError


def index_and_count(index: int | None, count: int | None, environment: Mapping[str, str]) -> tuple[int, int]:
    """The task's index from 0 and the number of tasks: as given, else as the environment has them.

    Known are SLURM arrays, whatever number they begin with and in whatever steps they go; Kubernetes Indexed Jobs,
    which tell their index alone; and `RANK` and `WORLD_SIZE`, which torchrun and accelerate set.

    Raises:
        UsageError: neither says it, a variable is no number, or a SLURM array is a list with gaps.
    """
    if index is None and "SLURM_ARRAY_TASK_ID" in environment:
        index, tasks = _slurm(environment)
        count = count or tasks
    elif index is None and "JOB_COMPLETION_INDEX" in environment:
        index = _number(environment, "JOB_COMPLETION_INDEX")
    elif index is None and "RANK" in environment:
        index = _number(environment, "RANK")
        count = count or _number(environment, "WORLD_SIZE")
    if index is None or count is None:
        missing = "--index and --of" if index is None else "--of"
        raise UsageError(f"which part of the run? {missing} is missing", hint="For all of it: --index 0 --of 1.")
    return index, count


def _slurm(environment: Mapping[str, str]) -> tuple[int, int]:
    """This task's place in its array, and the array's tasks."""
    task, tasks = _number(environment, "SLURM_ARRAY_TASK_ID"), _number(environment, "SLURM_ARRAY_TASK_COUNT")
    first = _number(environment, "SLURM_ARRAY_TASK_MIN", "0")
    step = max(1, _number(environment, "SLURM_ARRAY_TASK_STEP", "1"))
    last = _number(environment, "SLURM_ARRAY_TASK_MAX", str(first + (tasks - 1) * step))
    if task not in range(first, last + 1, step) or last != first + (tasks - 1) * step:
        hint = 'Tell it instead: --index "$SLURM_ARRAY_TASK_ID" --of N, N being the tasks of the first array.'
        raise UsageError("the SLURM array has gaps: which part of the run is this task's?", hint=hint)
    return (task - first) // step, tasks


def _number(environment: Mapping[str, str], name: str, default: str = "") -> int:
    text = environment.get(name, default)
    if not text.isdecimal():
        raise UsageError(f"the variable {name}: expected a whole number, found {text!r}")
    return int(text)

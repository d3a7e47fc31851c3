"""Which part of a run belongs to this task, according to its scheduler."""

from collections.abc import Mapping

from synthgen.errors import UsageError

_WHOLE = "They say which part of the run to make. For the whole run: --index 0 --of 1."


def index_and_count(index: int | None, count: int | None, environment: Mapping[str, str]) -> tuple[int, int]:
    """Return the task's index, from 0, and the number of tasks: as given, or else from the environment.

    These schedulers are known: SLURM arrays, with any first number and any step; Kubernetes Indexed Jobs, which give
    only their index; and `RANK` and `WORLD_SIZE`, which torchrun and accelerate set.

    Raises:
        UsageError: a number is missing, a variable is not a number, or a SLURM array has gaps.
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
        raise UsageError(f"missing {missing}", hint=_WHOLE)
    return index, count


def _slurm(environment: Mapping[str, str]) -> tuple[int, int]:
    """Return this task's place in its array, and the number of the array's tasks."""
    task, tasks = _number(environment, "SLURM_ARRAY_TASK_ID"), _number(environment, "SLURM_ARRAY_TASK_COUNT")
    first = _number(environment, "SLURM_ARRAY_TASK_MIN", "0")
    step = max(1, _number(environment, "SLURM_ARRAY_TASK_STEP", "1"))
    last = _number(environment, "SLURM_ARRAY_TASK_MAX", str(first + (tasks - 1) * step))
    if task not in range(first, last + 1, step) or last != first + (tasks - 1) * step:
        hint = 'Give both: --index "$SLURM_ARRAY_TASK_ID" --of N, where N is the number of tasks of the first array.'
        raise UsageError("the SLURM array has gaps, so this task's part of the run is unclear", hint=hint)
    return (task - first) // step, tasks


def _number(environment: Mapping[str, str], name: str, default: str = "") -> int:
    text = environment.get(name, default)
    if not text.isdecimal():
        raise UsageError(f"the variable {name}: expected a whole number, found {text!r}")
    return int(text)

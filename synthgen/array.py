"""Which part of a run is this task's, by what its scheduler says."""

from collections.abc import Mapping

from synthgen.errors import UsageError

_SLURM = (("MIN", "0"), ("STEP", "1"))


def index_and_count(index: int | None, count: int | None, environment: Mapping[str, str]) -> tuple[int, int]:
    """The task's index from 0 and the number of tasks: as given, else as the environment has them.

    Known are SLURM arrays, whatever number they begin with and in whatever steps they go; Kubernetes Indexed Jobs,
    which tell their index alone; and `RANK` and `WORLD_SIZE`, which torchrun and accelerate set.

    Raises:
        UsageError: neither says it, a variable is no number, or a SLURM array is a list with gaps.
    """
    if index is None and "SLURM_ARRAY_TASK_ID" in environment:
        first, step = (_number(environment, f"SLURM_ARRAY_TASK_{name}", default) for name, default in _SLURM)
        index, rest = divmod(_number(environment, "SLURM_ARRAY_TASK_ID") - first, step or 1)
        tasks = _number(environment, "SLURM_ARRAY_TASK_COUNT") if count is None else None
        if rest or (tasks is not None and index >= tasks):
            hint = 'Tell it instead: --index "$SLURM_ARRAY_TASK_ID" --of N, N being the tasks of the first array.'
            raise UsageError("the SLURM array has gaps: which part of the run is this task's?", hint=hint)
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


def _number(environment: Mapping[str, str], name: str, default: str = "") -> int:
    text = environment.get(name, default)
    if not text.isdecimal():
        raise UsageError(f"the variable {name}: expected a whole number, found {text!r}")
    return int(text)

"""`devices`: which workers this machine gets, one process each."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from synthgen.errors import DeviceMissing
from synthgen.models.device_names import check_devices


@dataclass(frozen=True, slots=True)
class Slot:
    """One worker process: the device that it opens, and the environment that is set before it imports anything."""

    device: str
    environment: Mapping[str, str]


def slots(devices: str, count_gpus: Callable[[], int], environment: Mapping[str, str] = os.environ) -> tuple[Slot, ...]:
    """List the workers that `devices` asks for. `auto` takes every GPU or, if there is none, one worker on the CPU.

    `cpu:N` divides the cores' threads: workers that each use all of them starve each other.

    Raises:
        UsageError: `devices` is not understood.
        DeviceMissing: there is no GPU of that number.
    """
    check_devices(devices)
    kind, _, numbers = devices.partition(":")
    if kind == "mps":
        return (Slot("mps", {}),)
    gpus = 0 if kind == "cpu" else count_gpus()
    if kind == "cpu" or (kind == "auto" and not gpus):
        workers = int(numbers or 1)
        threads = str(max(1, (os.cpu_count() or 1) // workers))
        return (Slot("cpu", {} if workers == 1 else {"OMP_NUM_THREADS": threads}),) * workers
    chosen = [int(number) for number in numbers.split(",")] if numbers else list(range(gpus))
    if missing := [number for number in chosen if number >= gpus]:
        raise DeviceMissing(f"{devices}: there is no GPU {missing[0]} here: {gpus} found", argument="devices")
    if not chosen:
        hint = "`synthgen doctor` lists the devices."
        raise DeviceMissing(f"{devices}: there is no GPU here", argument="devices", hint=hint)
    # Numbers count the GPUs that this process may see, which an outer list of names may already have chosen.
    visible = [name for name in environment.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    return tuple(
        Slot("cuda", {"CUDA_VISIBLE_DEVICES": visible[number] if visible else str(number)}) for number in chosen
    )

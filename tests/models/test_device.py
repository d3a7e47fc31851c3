"""What a device is good at."""

import pytest
import torch

from synthgen.errors import DeviceError
from synthgen.models.device import is_device_fault, is_out_of_memory, open_device
from synthgen.models.machine import describe_machine
from synthgen.models.memory import choose_batch_size, choose_dtype

CPU = torch.device("cpu")


@pytest.mark.parametrize("name", ["cuda:99", "gpu", "", "cpu:x", "tpu", "meta:1"])
def test_an_unknown_device_is_a_device_error(name: str) -> None:
    with pytest.raises(DeviceError, match="cannot be used here") as raised:
        open_device(name)
    assert raised.value.hint is not None
    assert "synthgen doctor" in raised.value.hint


@pytest.mark.parametrize(
    ("error", "fault", "memory"),
    [
        (torch.AcceleratorError("whatever it says"), True, False),
        (RuntimeError("CUDA error: an illegal memory access was encountered"), True, False),
        (RuntimeError("Triton Error [CUDA]: misaligned address"), True, False),
        (RuntimeError("CUDA error: out of memory"), False, True),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), False, True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)"), False, False),
        (ValueError("a prompt about a CUDA error"), False, False),
    ],
)
def test_a_device_that_broke_is_told_from_one_that_is_full(error: Exception, fault: bool, memory: bool) -> None:
    assert (is_device_fault(error), is_out_of_memory(error)) == (fault, memory)


def test_auto_finds_a_device() -> None:
    assert open_device("auto").type in {"cpu", "cuda", "mps"}
    assert open_device("cpu") == CPU


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [("auto", torch.float32), ("float16", torch.float16), ("bfloat16", torch.bfloat16)],
)
def test_on_a_cpu_the_number_format_is_float32_unless_the_spec_insists(wanted: str, expected: torch.dtype) -> None:
    assert choose_dtype(wanted, CPU) is expected


@pytest.mark.parametrize(
    ("wanted", "side", "largest", "expected"),
    [
        pytest.param("auto", 64, 64, 32, id="small images go as many at once as a plan has in its window"),
        pytest.param("auto", 128, 32, 32, id="those of 128 pixels, too"),
        pytest.param("auto", 64, 5, 5, id="the window bounds auto"),
        pytest.param("auto", 256, 64, 4, id="larger images go fewer at once"),
        pytest.param("auto", 4096, 64, 1, id="and at least one"),
        pytest.param(40, 4096, 64, 40, id="a number is taken"),
        pytest.param(40, 64, 32, 32, id="but the window bounds it too"),
    ],
)
def test_the_batch_size_on_a_cpu(wanted: int | str, side: int, largest: int, expected: int) -> None:
    assert choose_batch_size(wanted, side * side, CPU, largest) == expected


def test_the_machine_is_described_in_words() -> None:
    facts = describe_machine()
    assert facts["torch"] == torch.__version__.partition("+")[0]
    assert "missing" not in facts.values()
    assert all(facts.values())

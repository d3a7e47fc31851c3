"""Judging beside the denoiser: one batch is measured on a thread of its own while the next one is rendered."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from typing import TYPE_CHECKING, Self

from synthgen.records import Assessment, Rendered
from synthgen.running.shard.encode import on_host
from synthgen.running.shard.protocols import Generator, Judge

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    import torch

Assessed = list[tuple[Rendered, Assessment | None]]
"""A batch in the order of attempts; without an assessment where there is no image."""


def assess(judge: Judge, batch: Sequence[Rendered]) -> Assessed:
    """Have the images of a batch assessed."""
    images = [one for one in batch if one.image is not None]
    assessments = iter(judge.assess(images) if images else ())
    return [(one, None if one.image is None else next(assessments)) for one in batch]


def may_overlap(generator: Generator, batch: Sequence[Rendered]) -> bool:
    """Whether the next batch may be rendered while this one is judged.

    Yes on a GPU of CUDA or ROCm, whose images are still there. On a CPU both would compete for the same cores, and on
    Apple's GPUs torch does not let two threads work at once. A generator that computes elsewhere says so by an
    attribute `overlaps`, which decides if it is there.
    """
    own: object = getattr(generator, "overlaps", None)
    return own if isinstance(own, bool) else any(one.image is not None and one.image.is_cuda for one in batch)


class AssessingThread:
    """The thread on which a judge assesses batches, one at a time. A context manager: it waits for the last one.

    On a GPU it has a stream of its own: otherwise each score would wait for the denoiser's steps that are queued.
    """

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="judge")
        self._streams: dict[torch.device, torch.cuda.Stream] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown()

    def submit(self, batch: Sequence[Rendered]) -> Future[Assessed]:
        """Assess a batch whose rendering this thread has queued on the device."""
        # The stream is chosen here: it waits for what was queued until now, and not for the next batch.
        return self._thread.submit(self._assess, batch, self._stream(batch))

    def _assess(self, batch: Sequence[Rendered], stream: AbstractContextManager[object]) -> Assessed:
        with stream:
            assessed = assess(self._judge, batch)
            # Here, since copies on the thread that renders would wait for the next batch, and that for them.
            moved = on_host(batch)
        return [(one, assessment) for one, (_, assessment) in zip(moved, assessed, strict=True)]

    def _stream(self, batch: Sequence[Rendered]) -> AbstractContextManager[object]:
        device = next((one.image.device for one in batch if one.image is not None and one.image.is_cuda), None)
        if device is None:
            return nullcontext()
        import torch

        if device not in self._streams:
            self._streams[device] = torch.cuda.Stream(device)
        self._streams[device].wait_stream(torch.cuda.current_stream(device))
        return torch.cuda.stream(self._streams[device])

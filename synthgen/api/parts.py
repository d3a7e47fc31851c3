"""The implementations behind the protocols, put together by name and lazily."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from synthgen import bundled, generate
from synthgen.errors import UsageError
from synthgen.plan import Plan, Revisions
from synthgen.spec import BUNDLED_JUDGE, BUNDLED_MODEL, Spec

if TYPE_CHECKING:
    from synthgen.generate.text_to_image import TextToImage
    from synthgen.judge.clip_judge import ClipJudge


_DEVICE = re.compile(r"auto|cpu|mps|cuda(:\d+)?")


def check_device(name: str) -> None:
    """Whether it is there is known only when it is opened.

    Raises:
        UsageError: it is no name of a device.
    """
    if not _DEVICE.fullmatch(name):
        raise UsageError(f"--device: expected auto, cpu, mps, cuda or cuda:N, found {name!r}")


def count_gpus() -> int:
    import torch

    return torch.cuda.device_count()


def revisions(spec: Spec) -> Revisions:
    """
    Raises:
        ModelError: a model does not exist, or neither hub nor cache can say which one it is.
    """
    return Revisions(_source(spec).revision, _judge_revision(spec.judge.id))


def generator(planned: Plan, device: str) -> TextToImage:
    from synthgen.generate.text_to_image import TextToImage

    check_device(device)
    return TextToImage(planned.spec.model, _source(planned.spec), device, planned.window)


def judge(planned: Plan, device: str) -> ClipJudge:
    from synthgen.judge.clip_judge import ClipJudge

    spec = planned.spec
    return ClipJudge(spec, _judge_id(spec.judge.id), planned.revisions.judge, device)


def _source(spec: Spec) -> generate.ModelSource:
    own = spec.model.id == BUNDLED_MODEL
    return generate.locate(spec.model.id, spec.model.revision, folder=bundled.GENERATOR if own else None)


def _judge_id(judge_id: str) -> str:
    return f"local-dir:{bundled.JUDGE}" if judge_id == BUNDLED_JUDGE else judge_id


def _judge_revision(judge_id: str) -> str:
    kind, _, place = _judge_id(judge_id).partition(":")
    if kind == "local-dir":
        return generate.content_hash(Path(place))
    if kind == "hf-hub":
        return generate.locate(place).revision
    return judge_id  # open_clip's architecture/weights: the weights' tag is their revision

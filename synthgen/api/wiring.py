"""The implementations behind the protocols, put together by name and lazily."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from synthgen import bundled, models
from synthgen.errors import ModelError, UsageError
from synthgen.planning import Plan, Revisions
from synthgen.spec import BUNDLED_JUDGE, BUNDLED_MODEL, Spec

if TYPE_CHECKING:
    from synthgen.generating.text_to_image import TextToImage
    from synthgen.judging.clip_judge import ClipJudge
    from synthgen.judging.towers import Towers


OFFLINE = {"HF_HUB_OFFLINE": "1"}
"""For the environment of workers whose models were downloaded before they start."""

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
    return Revisions(_source(spec).revision, judge_revision(spec.judge.id))


def generator(planned: Plan, device: str) -> TextToImage:
    from synthgen.generating.text_to_image import TextToImage

    check_device(device)
    return TextToImage(planned.spec.model, _planned_source(planned), device, planned.window)


def check_keys(planned: Plan) -> None:
    """Refuse keys of a new plan that the model's call does not take, before its weights are read.

    Raises:
        UsageError: there are some.
        ModelError: the model has changed since it was planned.
    """
    model = planned.spec.model
    if model.id == BUNDLED_MODEL:
        return  # takes them all, and nothing need be imported to know it

    from synthgen.generating.loading import check_keys as check

    check(model, _planned_source(planned), model.model_fields_set)


def judge(planned: Plan, device: str) -> ClipJudge:
    from synthgen.judging.clip_judge import ClipJudge

    return ClipJudge(planned.spec, _planned_judge(planned), planned.revisions.judge, device)


def towers(judge_id: str, revision: str, device: str) -> Towers:
    """A judge by its name in a spec; it is downloaded and loaded when it is first asked."""
    from synthgen.judging.towers import Towers

    check_device(device)
    return Towers(lambda: _there(_judge_id(judge_id), revision), device)


def judge_revision(judge_id: str) -> str:
    """
    Raises:
        ModelError: it does not exist, or neither hub nor cache can say which one it is.
    """
    kind, _, place = _judge_id(judge_id).partition(":")
    if kind == "local-dir":
        return models.content_hash(Path(place))
    if kind == "hf-hub":
        return models.locate(place).revision
    return judge_id  # open_clip's architecture/weights: the weights' tag is their revision


def download(planned: Plan) -> None:
    """Get the hub models of a plan into the cache, so that workers need no network.

    Raises:
        ModelError: one cannot be had.
    """
    source = _planned_source(planned)
    if not source.is_folder:
        from synthgen.generating.loading import download as download_generator

        download_generator(planned.spec.model, source)
    _planned_judge(planned)


def _source(spec: Spec) -> models.ModelSource:
    own = spec.model.id == BUNDLED_MODEL
    return models.locate(spec.model.id, spec.model.revision, folder=bundled.GENERATOR if own else None)


def _planned_source(planned: Plan) -> models.ModelSource:
    """The generator as it was when the plan was made, whatever the hub's newest commit is now."""
    revision = planned.revisions.generator
    if not revision.startswith("content:"):
        return models.ModelSource(planned.spec.model.id, revision)
    source = _source(planned.spec)
    _check_unchanged(f"model {planned.spec.model.id}", source.revision, revision)
    return source


def _check_unchanged(model: str, here: str, there: str) -> None:
    """
    Raises:
        ModelError: the content of its folder is another one.
    """
    if here != there:
        raise ModelError(
            f"{model} is not the one that the run was planned with: {here} here, {there} there",
            hint="Put the same weights there, or make a new run with -o.",
        )


def _planned_judge(planned: Plan) -> str:
    """The judge for open_clip, downloaded: one from the hub at the plan's commit."""
    return _there(_judge_id(planned.spec.judge.id), planned.revisions.judge)


def _there(judge_id: str, revision: str) -> str:
    if judge_id.startswith("local-dir:"):
        _check_unchanged(f"judge {judge_id}", judge_revision(judge_id), revision)
        return judge_id
    from synthgen.judging.opening import download

    return download(judge_id, revision)


def _judge_id(judge_id: str) -> str:
    return f"local-dir:{bundled.JUDGE}" if judge_id == BUNDLED_JUDGE else judge_id

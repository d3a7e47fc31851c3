"""Stage 1: the ground-truth reader, a plain classifier on evenly drawn renders."""

from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from synthgen.bundled.reader import ATTRIBUTES, Reader
from synthgen.bundled.train.pictures import TrainingPictures, softened
from synthgen.models.training import Schedule, train

SCHEDULE = Schedule(steps=1400, batch=64, rate=2e-3, average=0.99)


def train_reader(pictures: TrainingPictures, folder: Path, device: torch.device) -> tuple[Reader, float]:
    torch.manual_seed(1)
    reader = Reader()  # its finder is trained for itself: see `finder`

    def loss_of(rng: torch.Generator) -> Tensor:
        chosen = torch.randint(len(pictures), (SCHEDULE.batch,), generator=rng)
        pixels = softened(pictures.images[chosen].float() / 255, rng).to(device)
        logits, boxes = reader(pixels)
        facts = pictures.facts[chosen].to(device)
        # The hair colour of a bald head is -1, which is not a class: it is ignored.
        losses = [
            functional.cross_entropy(logits[name], facts[:, 1 + index], ignore_index=-1)
            for index, name in enumerate(ATTRIBUTES)
        ]
        return torch.stack(losses).sum() + 10 * functional.l1_loss(boxes, pictures.boxes[chosen].to(device))

    return reader, train("reader", reader, SCHEDULE, loss_of, folder, device)

"""Is there a picture at all? Three plain measures on grey values in 0..1."""

import math

import torch
from torch import Tensor
from torch.nn import functional


def grey(images: Tensor) -> Tensor:
    """Luma (Rec. 601) float [n, 1, h, w] in 0..1 of uint8 images [n, 3, h, w]."""
    weights = torch.tensor([0.299, 0.587, 0.114], device=images.device).view(1, 3, 1, 1)
    return (images.float() / 255 * weights).sum(1, keepdim=True)


def contrast(greys: Tensor) -> Tensor:
    """Standard deviation [n]; 0 for an image of one colour."""
    return greys.flatten(1).std(1, correction=0)


def sharpness(greys: Tensor) -> Tensor:
    """Variance of the Laplacian [n] (Pech-Pacheco et al. 2000); near 0 where nothing has an edge."""
    kernel = torch.tensor([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]], device=greys.device).view(1, 1, 3, 3)
    return functional.conv2d(greys, kernel).flatten(1).var(1, correction=0)


def noise(greys: Tensor) -> Tensor:
    """Standard deviation [n] of additive noise.

    It is estimated with a mask that hardly responds to edges and slopes (Immerkaer 1996, "Fast noise variance
    estimation").
    """
    mask = torch.tensor([[1.0, -2, 1], [-2, 4, -2], [1, -2, 1]], device=greys.device).view(1, 1, 3, 3)
    return math.sqrt(math.pi / 2) / 6 * functional.conv2d(greys, mask).abs().flatten(1).mean(1)

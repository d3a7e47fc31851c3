"""Which judges are independent of each other. Pure."""

from synthgen.auditing.input.judges import JudgeId

_FAMILIES = {
    "contrastive": "see through a CLIP",
    "captions": "learned from the same captions and questions",
    "detection": "learned from boxes around objects",
}


def alike(first: JudgeId, second: JudgeId) -> str | None:
    """Explain why two judges are not independent; None if they are.

    They must have other weights, and other eyes: what they see images with must have been learned from another kind of
    data. All CLIPs count as one family whatever they were trained on, and so do models that see through a CLIP, such as
    OWL-ViT and most models that chat: models that were trained alike err alike (Geirhos et al. 2020, arXiv 2006.16736).
    """
    if first.revision == second.revision:
        return f"{first.name} and {second.name} have the same weights"
    if first.family == second.family:
        return f"{first.name} and {second.name} both {_FAMILIES.get(first.family, f'are of the family {first.family}')}"
    return None

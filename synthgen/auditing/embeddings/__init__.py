"""Diversity of a set of images, and what it took from another, by their embeddings."""

from synthgen.auditing.embeddings.diversity import measure_diversity
from synthgen.auditing.embeddings.findings import ClassDiversity, ClassLeakage, Diversity, Leakage, NearDuplicate
from synthgen.auditing.embeddings.leakage import measure_leakage

__all__ = [
    "ClassDiversity",
    "ClassLeakage",
    "Diversity",
    "Leakage",
    "NearDuplicate",
    "measure_diversity",
    "measure_leakage",
]

"""Diversity of a set of images, and what it took from another, by their embeddings."""

from synthgen.audit.embeddings.diversity import measure_diversity
from synthgen.audit.embeddings.findings import ClassDiversity, ClassLeakage, Diversity, Leakage, NearDuplicate
from synthgen.audit.embeddings.leakage import measure_leakage

__all__ = [
    "ClassDiversity",
    "ClassLeakage",
    "Diversity",
    "Leakage",
    "NearDuplicate",
    "measure_diversity",
    "measure_leakage",
]

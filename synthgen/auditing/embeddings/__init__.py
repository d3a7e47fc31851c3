"""Measures on embeddings: how diverse a set of images is, and what it copied from another set."""

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

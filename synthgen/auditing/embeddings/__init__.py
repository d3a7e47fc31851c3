"""Measures on embeddings: how diverse a set of images is, and what it copied from another set."""

from synthgen.auditing.embeddings.diversity import diversity_of, measure_diversity
from synthgen.auditing.embeddings.findings import (
    ClassDiversity,
    ClassLeakage,
    Diversity,
    Leakage,
    NearDuplicate,
    PairsApart,
    SearchCheck,
)
from synthgen.auditing.embeddings.leakage import measure_leakage
from synthgen.auditing.embeddings.near import NearSet, find_near

__all__ = [
    "ClassDiversity",
    "ClassLeakage",
    "Diversity",
    "Leakage",
    "NearDuplicate",
    "NearSet",
    "PairsApart",
    "SearchCheck",
    "diversity_of",
    "find_near",
    "measure_diversity",
    "measure_leakage",
]

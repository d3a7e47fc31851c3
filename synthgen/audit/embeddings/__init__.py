"""What embeddings tell of a set: how diverse it is, and whether it repeats another."""

from synthgen.audit.embeddings.findings import ClassDiversity, ClassLeakage, Diversity, Leakage, NearDuplicate

__all__ = ["ClassDiversity", "ClassLeakage", "Diversity", "Leakage", "NearDuplicate"]

"""Whether synthetic images help a learner on real ones: sets that were looked at in, arms with intervals out."""

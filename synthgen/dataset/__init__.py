"""Committed shards -> a dataset: Parquet that `datasets` opens, its card, and the contact sheet."""

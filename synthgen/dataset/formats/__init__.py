"""How a dataset is written: one file for each format."""

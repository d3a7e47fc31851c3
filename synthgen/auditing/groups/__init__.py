"""Groups compared: with a reference group, in joint cells, across all slices, and by a model's errors."""

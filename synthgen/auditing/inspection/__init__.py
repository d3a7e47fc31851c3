"""What a set's images show without a model: sizes, repeats, leaks between splits, dark, blank, odd ones."""

"""What can be told of a set's images without a model: sizes, repeats, leaks between splits, dark, blank, odd ones."""

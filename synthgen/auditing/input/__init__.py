"""What is asked of a set, what the set is, and what was seen in it."""

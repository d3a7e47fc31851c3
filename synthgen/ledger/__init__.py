"""The tables that a run leaves: columns, rows, and what they add up to."""

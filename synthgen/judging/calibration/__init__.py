"""Labels of a pilot -> the thresholds that reach a precision."""

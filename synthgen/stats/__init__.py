"""Estimates, intervals, tests and distances. Pure: arrays in, figures out."""

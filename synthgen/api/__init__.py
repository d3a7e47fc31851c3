"""The Python face, one file for each verb, and the only room that wires the others together.

`synthgen/__init__.pyi` lists what users call.
"""

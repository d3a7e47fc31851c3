"""Presets: models that people use, each with settings, memory, licence and sources. `synthgen models` lists them."""

from synthgen.presets.finding import PRESETS, find_preset, preset_of
from synthgen.presets.licence import Licence, MayTrain, together
from synthgen.presets.licences import UNKNOWN, licences_of
from synthgen.presets.preset import SPEED_LIMITS, Origin, Preset, SpeedClass
from synthgen.presets.written import spec_of_preset

__all__ = [
    "PRESETS",
    "SPEED_LIMITS",
    "UNKNOWN",
    "Licence",
    "MayTrain",
    "Origin",
    "Preset",
    "SpeedClass",
    "find_preset",
    "licences_of",
    "preset_of",
    "spec_of_preset",
    "together",
]

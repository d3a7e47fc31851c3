"""Many classes: only what a gate or the page shows is computed."""

import numpy as np
import pandas as pd

from synthgen.auditing.measure import AuditOptions, measure
from synthgen.stats.distance import Measure, uniform

VALUES = ("light", "dark")


def measures_of(classes: int, gate: str) -> set[Measure]:
    frame = pd.DataFrame({"label": np.repeat([f"class {n:03}" for n in range(classes)], 4)})
    frame["skin"] = np.tile(["light", "dark"], 2 * classes)
    options = AuditOptions(known=["skin"], references={"skin": uniform(VALUES)}, gates=[gate])
    found = measure(frame, {"skin": VALUES}, options)
    assert found.gates[0].checks[0].found is not None
    return {each.measure for scope in found.attributes[0].scopes for each in scope.distances}


def test_with_few_classes_every_measure_is_there_and_with_many_those_that_decide() -> None:
    assert measures_of(3, "skin within class: js <= 0.9") == set(Measure)
    assert measures_of(101, "skin within class: js <= 0.9") == {Measure.TV, Measure.JS}

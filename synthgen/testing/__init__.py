"""For authors of plug-ins: fakes to test against, and the contracts that synthgen relies on, as functions.

Each contract is a tuple of checks, functions that raise `AssertionError` with what is wrong: `GENERATOR_CHECKS`,
`MEASURE_CHECKS`, `JUDGE_CHECKS`, `FORMAT_CHECKS`, `STORE_CHECKS` and `LEARNER_CHECKS`. Run them all with
`check_generator` and its like, or give each to pytest by itself:

    @pytest.mark.parametrize("check", GENERATOR_CHECKS, ids=lambda check: check.__name__)
    def test_contract(check):
        check(MyGenerator)

pytest is not needed. torch is imported when images are.
"""

from synthgen.testing.fakes import BrightnessJudge, HashedEncoder, NoiseGenerator, make_batch, make_candidates
from synthgen.testing.formats import FORMAT_CHECKS, check_format
from synthgen.testing.generators import GENERATOR_CHECKS, check_generator
from synthgen.testing.judges import JUDGE_CHECKS, check_judge
from synthgen.testing.learners import LEARNER_CHECKS, check_learner
from synthgen.testing.measures import MEASURE_CHECKS, check_measure
from synthgen.testing.stores import STORE_CHECKS, check_addresses, check_store

__all__ = [
    "FORMAT_CHECKS",
    "GENERATOR_CHECKS",
    "JUDGE_CHECKS",
    "LEARNER_CHECKS",
    "MEASURE_CHECKS",
    "STORE_CHECKS",
    "BrightnessJudge",
    "HashedEncoder",
    "NoiseGenerator",
    "check_addresses",
    "check_format",
    "check_generator",
    "check_judge",
    "check_learner",
    "check_measure",
    "check_store",
    "make_batch",
    "make_candidates",
]

"""Combinatorial sampling: which prompt is whose turn. Pure.

The prompts of a class are shuffled once, by the spec's seed. Shard `s` of `n` takes every `n`th of them from its own
place on: shards need not know of each other, and none takes what is another's. After its last one, it goes on with the
next shard's.
"""

import hashlib
from math import floor

from synthgen.planning.plan import Plan

_ROUNDS = 6


def number_of_turn(plan: Plan, shard: int, turn: int, prompts: str, total: int) -> int:
    """Return the number of the prompt that an attempt has, from 0 to `total` - 1.

    Shards that were added to a run take the prompts from the end on, and those added later from points between: so all
    come as late as possible to what was used before.

    Args:
        turn: how many attempts of the shard at these prompts came before.
        prompts: the name of these prompts, which decides how they are shuffled.
        total: how many there are.
    """
    block, place, shards = plan.block_of(shard)
    strides = min(shards, total)
    own, turn = place % strides, turn % total
    while turn >= (size := -(-(total - own) // strides)):
        own, turn = (own + 1) % strides, turn - size
    step = own + turn * strides
    if block == 1:
        step = total - 1 - step
    elif block:
        step = (step + floor(total * _radical_inverse(block))) % total
    return shuffled(step, total, f"{plan.spec.seed}/{prompts}")


def _radical_inverse(number: int) -> float:
    """The van der Corput sequence in base 2: 0, 1/2, 1/4, 3/4, 1/8 and so on. Each lies far from those before."""
    return sum(((number >> bit) & 1) * 0.5 ** (bit + 1) for bit in range(number.bit_length()))


def shuffled(number: int, total: int, key: str) -> int:
    """Permute the numbers below `total`: a Feistel network, applied until the result is below `total` again.

    Black and Rogaway, Ciphers with arbitrary finite domains, CT-RSA 2002.
    """
    half = max(1, -(-(total - 1).bit_length() // 2))
    mask = (1 << half) - 1
    while True:
        left, right = number >> half, number & mask
        for turn in range(_ROUNDS):
            digest = hashlib.blake2b(f"{key}/{turn}/{right}".encode(), digest_size=32).digest()
            left, right = right, left ^ (int.from_bytes(digest, "big") & mask)
        number = left << half | right
        if number < total:
            return number

"""Small pipelines of every family that diffusers has, and the right call of each.

The parts have few random weights and are built in code, so that nothing is downloaded. A family's `direct` is
written from diffusers' own source and apart from `synthgen.generating`, which is measured against it.
"""

from tests.generating.families import (
    chroma,
    cogview,
    dreamlite,
    flux,
    hidream,
    hunyuan,
    ideogram,
    kandinsky,
    kolors,
    others,
    pixart_sana,
    qwen,
    stable_diffusion,
    zimage,
)
from tests.generating.families.family import Family
from tests.generating.families.of_other_tasks import OTHERS, Other

FAMILIES: dict[str, Family] = {
    **flux.FAMILIES,
    **zimage.FAMILIES,
    **qwen.FAMILIES,
    **ideogram.FAMILIES,
    **stable_diffusion.FAMILIES,
    **chroma.FAMILIES,
    **pixart_sana.FAMILIES,
    **hidream.FAMILIES,
    **cogview.FAMILIES,
    **hunyuan.FAMILIES,
    **kandinsky.FAMILIES,
    **dreamlite.FAMILIES,
    **kolors.FAMILIES,
    **others.FAMILIES,
}

__all__ = ["FAMILIES", "OTHERS", "Family", "Other"]

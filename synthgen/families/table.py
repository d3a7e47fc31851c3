"""What neither a pipeline's signature nor its configuration tells: one row for each family that needs one."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from synthgen.families.picture_rules import ImageGuidance, PictureRules


class Guidance(StrEnum):
    """How a pipeline takes the usual guidance w, with which a step is unguided + w (guided - unguided)."""

    SCALE = "scale"
    """`guidance_scale` is w."""
    LESS_ONE = "less one"
    """`guidance_scale` is w - 1, and 0 turns guidance off."""
    TRUE = "true"
    """`true_cfg_scale` is w, and acts only with a negative prompt, even a blank one."""
    GUIDER = "guider"
    """A part of the pipeline, the guider, has it."""
    NONE = "none"
    """The weights were distilled: there is none."""


class Together(StrEnum):
    """When images of one batch are drawn as each would be alone."""

    ALWAYS = "always"
    UNGUIDED = "unguided"
    NEVER = "never"


class AreaRounding(StrEnum):
    """How a pipeline brings the sides of an area to multiples."""

    DOWN = "down"
    UP = "up"
    NEAREST = "nearest"


_NO_RULES = PictureRules()


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """What the source of these pipelines says in words, or only by what it does.

    Attributes:
        guidance: how they take guidance; None if the signature tells.
        embedded: the argument of the guidance that goes into the weights of a distilled model, if there is one.
        distilled: the flag of `model_index.json` that says whether these weights were distilled.
        blank: the negative prompt that stands for none.
        patch: how many of the decoder's units a side must be a multiple of, in the published weights.
        multiple: the same in pixels, whatever the decoder.
        side: the default side in pixels, where the call has it in its body.
        factor: pixels for each latent, where the decoder's configuration does not tell.
        together: when images of a batch do not influence each other.
        edits: whether they edit images too, if they are given.
        only_edits: whether they do nothing else.
        pictures: what they do with the images that they edit.
        negative: whether they can take a negative prompt for each image, if their call names one.
        always_guided: whether they cannot be called without guidance.
        unguided_to: the largest guidance, in the usual sense, at which they leave it out.
        as_arrays: whether only arrays come back scaled to 0..1, and tensors do not.
        one_text: whether they take a text, and no list of texts.
        is_area: whether they enlarge or shrink any size to as many pixels as their own size has.
        rounds: how they bring the sides of that to multiples.
        sizes: the only widths and heights that they draw, where these are few.
        squares: whether a picture that is not square comes back turned or torn.
        as_tensors: whether they resize the pictures that they are given, unless these are tensors.
        package: what has to be installed besides.
    """

    pipelines: tuple[str, ...]
    guidance: Guidance | None = None
    embedded: str | None = None
    distilled: str | None = None
    blank: str = ""
    patch: int = 1
    multiple: int = 1
    side: int | None = None
    factor: int | None = None
    together: Together = Together.ALWAYS
    edits: bool = False
    only_edits: bool = False
    pictures: PictureRules = _NO_RULES
    negative: bool = True
    always_guided: bool = False
    unguided_to: float = 1.0
    as_arrays: bool = False
    one_text: bool = False
    is_area: bool = False
    rounds: AreaRounding = AreaRounding.DOWN
    sizes: tuple[tuple[int, int], ...] = ()
    squares: bool = False
    as_tensors: bool = False
    package: str | None = None


PINNED: Mapping[str, object] = MappingProxyType(
    {
        "use_pe": False,
        "enable_prompt_rewrite": False,
        "prompt_upsampling": False,
        "caption_upsample_temperature": None,
        "use_resolution_binning": False,
        "_auto_resize": False,
        "clean_caption": False,
        "skip_text_cleaning": True,
        "guidance_schedule": None,
    }
)
"""Arguments that keep a pipeline from changing the prompt, the size or the guidance on its own, in whatever family."""

_KANDINSKY5 = ((1024, 1024), (640, 1408), (1408, 640), (768, 1280), (1280, 768), (896, 1152), (1152, 896))
"""It takes the nearest of these for any other size."""

_FLUX2_PICTURES = PictureRules(shared=True, least=64, longest=8)

FAMILIES: tuple[Family, ...] = (
    Family(
        pipelines=("FluxPipeline",),
        guidance=Guidance.TRUE,
        embedded="guidance_scale",
        patch=2,
    ),
    Family(
        pipelines=("FluxKontextPipeline",),
        guidance=Guidance.TRUE,
        embedded="guidance_scale",
        patch=2,
        edits=True,
    ),
    Family(
        pipelines=("Flux2Pipeline",),
        guidance=Guidance.NONE,
        embedded="guidance_scale",
        patch=2,
        edits=True,
        pictures=_FLUX2_PICTURES,
    ),
    Family(
        pipelines=("Flux2KleinPipeline",),
        distilled="is_distilled",
        patch=2,
        edits=True,
        pictures=_FLUX2_PICTURES,
    ),
    Family(pipelines=("FluxFillPipeline",), guidance=Guidance.NONE, embedded="guidance_scale", patch=2),
    Family(pipelines=("Flux2KleinKVPipeline",), patch=2, only_edits=True, pictures=_FLUX2_PICTURES),
    Family(pipelines=("ZImagePipeline",), guidance=Guidance.LESS_ONE, patch=2, side=1024),
    Family(pipelines=("ZImageOmniPipeline",), guidance=Guidance.LESS_ONE, patch=2, side=1024, edits=True),
    Family(pipelines=("QwenImagePipeline",), guidance=Guidance.TRUE, embedded="guidance_scale", blank=" ", patch=2),
    Family(
        pipelines=("QwenImage21Pipeline",),
        guidance=Guidance.TRUE,
        blank=" ",
        patch=2,
        factor=16,
        side=1024,
        together=Together.NEVER,  # an image's place depends on the longest prompt of its batch
        edits=True,
    ),
    Family(
        pipelines=("QwenImageEditPipeline",),
        guidance=Guidance.TRUE,
        embedded="guidance_scale",
        blank=" ",
        patch=2,
        only_edits=True,
    ),
    Family(
        pipelines=("QwenImageEditPlusPipeline",),
        guidance=Guidance.TRUE,
        embedded="guidance_scale",
        blank=" ",
        patch=2,
        together=Together.NEVER,  # it takes no more than one prompt
        only_edits=True,
    ),
    # It draws as many pixels as 1024 x 1024 has, whatever the picture's size.
    Family(
        pipelines=("QwenImageEditInpaintPipeline",),
        guidance=Guidance.TRUE,
        embedded="guidance_scale",
        blank=" ",
        patch=2,
        multiple=32,
        side=1024,
        is_area=True,
        rounds=AreaRounding.NEAREST,
    ),
    # It reads one prompt, and draws as many pixels as 1024 x 1024 has, whatever the picture's size.
    Family(
        pipelines=("LongCatImageEditPipeline",),
        patch=2,
        side=1024,
        together=Together.NEVER,
        is_area=True,
        rounds=AreaRounding.UP,
        only_edits=True,
    ),
    Family(
        pipelines=("StableDiffusionInstructPix2PixPipeline", "StableDiffusionXLInstructPix2PixPipeline"),
        pictures=PictureRules(guidance=ImageGuidance.GUIDED, in_unet=True),
        only_edits=True,
    ),
    Family(
        pipelines=("StableDiffusionUpscalePipeline", "StableDiffusionLatentUpscalePipeline"),
        guidance=Guidance.SCALE,
    ),
    Family(pipelines=("Krea2Pipeline",), guidance=Guidance.LESS_ONE, patch=2),
    Family(pipelines=("NucleusMoEImagePipeline",), patch=2),
    Family(pipelines=("Ideogram4Pipeline",), patch=2),
    Family(pipelines=("GlmImagePipeline",), together=Together.NEVER, patch=4, edits=True),
    Family(pipelines=("ErnieImagePipeline",), patch=2),
    Family(pipelines=("LongCatImagePipeline", "ChromaPipeline", "OvisImagePipeline"), patch=2),
    Family(pipelines=("BriaPipeline",), patch=2, side=1024),
    Family(pipelines=("BriaFiboPipeline",), factor=16),
    Family(pipelines=("BriaFibo2Pipeline",), patch=2, edits=True, pictures=PictureRules(shared=True)),
    Family(pipelines=("AuraFlowPipeline",), patch=2),
    Family(pipelines=("LuminaPipeline", "Lumina2Pipeline"), patch=2, factor=8),
    Family(pipelines=("StableDiffusion3Pipeline", "StableDiffusion3PAGPipeline"), patch=2),
    # Without a mask, an image sees the padding up to the longest prompt of its batch.
    Family(pipelines=("CogView4Pipeline",), together=Together.NEVER, multiple=16),
    Family(pipelines=("SanaPipeline", "SanaPAGPipeline"), multiple=32),
    Family(pipelines=("SanaSprintPipeline",), guidance=Guidance.NONE, embedded="guidance_scale", multiple=32),
    Family(pipelines=("LatentConsistencyModelPipeline",), guidance=Guidance.NONE, embedded="guidance_scale"),
    Family(
        pipelines=("HunyuanImagePipeline",),
        guidance=Guidance.GUIDER,
        embedded="distilled_guidance_scale",
        patch=2,
    ),
    Family(pipelines=("HiDreamImagePipeline",), patch=2, is_area=True),
    Family(pipelines=("Kandinsky5T2IPipeline",), together=Together.NEVER, patch=2, sizes=_KANDINSKY5),
    Family(pipelines=("Kandinsky5I2IPipeline",), together=Together.NEVER, patch=2, sizes=_KANDINSKY5, only_edits=True),
    Family(
        pipelines=("PixArtAlphaPipeline", "PixArtSigmaPipeline", "PixArtSigmaPAGPipeline", "CogView3PlusPipeline"),
        patch=2,
    ),
    Family(pipelines=("HunyuanDiTPipeline",), patch=2),
    Family(pipelines=("PRXPipeline",), together=Together.UNGUIDED, patch=2),
    Family(pipelines=("PRXPixelPipeline",), together=Together.UNGUIDED, factor=1, multiple=16, as_arrays=True),
    Family(pipelines=("OmniGenPipeline",), together=Together.NEVER, patch=2, edits=True),
    Family(
        pipelines=("DreamLitePipeline",),
        together=Together.NEVER,
        one_text=True,
        edits=True,
        pictures=PictureRules(guidance=ImageGuidance.ALWAYS),
    ),
    Family(
        pipelines=("DreamLiteMobilePipeline",),
        guidance=Guidance.NONE,  # its call takes a number, and ignores it
        together=Together.NEVER,
        one_text=True,
        edits=True,
    ),
    Family(pipelines=("HunyuanDiTPAGPipeline",), always_guided=True, patch=2),
    # diffusers gives the prior n generators for the 2n prompts that guidance needs.
    Family(pipelines=("KandinskyCombinedPipeline", "KandinskyV22CombinedPipeline"), negative=False, multiple=64),
    # They take a picture's width for its height.
    Family(
        pipelines=("KandinskyImg2ImgCombinedPipeline", "KandinskyV22Img2ImgCombinedPipeline"),
        negative=False,
        multiple=64,
        squares=True,
    ),
    # 2.2 gives each image of a batch the region and the picture of the first one.
    Family(
        pipelines=("KandinskyInpaintCombinedPipeline", "KandinskyV22InpaintCombinedPipeline"),
        together=Together.NEVER,
        negative=False,
        multiple=64,
        pictures=PictureRules(in_unet=True),
    ),
    Family(pipelines=("IFImg2ImgPipeline", "IFInpaintingPipeline"), as_tensors=True),
    Family(pipelines=("KolorsPipeline", "KolorsPAGPipeline"), package="sentencepiece"),
    # It takes the mean over a prompt's padding.
    # guided + number (guided - unguided), as Z-Image; but it leaves that out up to a number of 1.
    Family(
        pipelines=("Kandinsky3Pipeline",),
        guidance=Guidance.LESS_ONE,
        unguided_to=2.0,
        together=Together.NEVER,
        multiple=64,
    ),
    Family(
        pipelines=("Cosmos2TextToImagePipeline",),
        guidance=Guidance.LESS_ONE,
        unguided_to=2.0,
        together=Together.NEVER,
    ),
)

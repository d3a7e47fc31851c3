"""Why pipelines do not do what they are asked to, where their signature does not show it."""

from collections.abc import Mapping
from types import MappingProxyType

_PARTS = "diffusers itself cannot load its parts any more"
_PRIOR = "it makes embeddings, from which another pipeline draws"
_SOUND = "it makes sound"
_ONNX = "it runs in onnxruntime, not in torch"

REASONS: Mapping[str, str] = MappingProxyType(
    {
        "WuerstchenCombinedPipeline": _PARTS,
        "StableCascadeCombinedPipeline": _PARTS,
        "HeliosPipeline": "it makes videos",
        "HeliosPyramidPipeline": "it makes videos",
        "KandinskyPriorPipeline": _PRIOR,
        "KandinskyV22PriorPipeline": _PRIOR,
        "WuerstchenPriorPipeline": _PRIOR,
        "LongCatAudioDiTPipeline": _SOUND,
        "StableAudio3Pipeline": _SOUND,
        "StableAudio3AudioToAudioPipeline": _SOUND,
        "StableAudio3InpaintPipeline": _SOUND,
        "OnnxStableDiffusionPipeline": _ONNX,
        "StableDiffusionOnnxPipeline": _ONNX,
        "StableDiffusionLDM3DPipeline": "it makes depth maps too",
        "StableDiffusionPix2PixZeroPipeline": "it changes images",
    }
)
"""Pipelines that cannot make images from text alone, for reasons that a signature does not show."""

LAYERED = "QwenImageLayeredPipeline"
NO_EDITS: Mapping[str, str] = MappingProxyType(
    {
        "StableDiffusionAdapterPipeline": "it needs an image that controls the layout (T2I-Adapter)",
        "StableDiffusionXLAdapterPipeline": "it needs an image that controls the layout (T2I-Adapter)",
        LAYERED: "it divides a picture into layers",
        "ZImageOmniPipeline": "diffusers hands its decoder pictures in bfloat16, whatever the decoder is in",
        "BriaFiboEditPipeline": "its prompts are JSON objects of its own, and no instructions",
        "OmniGenPipeline": "its prompts must name each picture by a mark of its own",
        "GlmImagePipeline": "no small model of it that edits could be compared with a direct call",
        "JoyImageEditPipeline": "no small model of it could be compared with a direct call",
        "JoyImageEditPlusPipeline": "it is made for several pictures of one image",
        "HunyuanImageRefinerPipeline": "it refines images, and takes no instruction",
    }
)
"""Pipelines that take pictures and do not edit them by an instruction, or not in a way that synthgen drives."""

_VIDEOS = "it makes videos"
_EMBEDDINGS = "it takes embeddings that another pipeline makes, and no prompt"
NOT_LED: Mapping[str, str] = MappingProxyType(
    {
        "KandinskyV22ControlnetPipeline": _EMBEDDINGS,
        "KandinskyV22ControlnetImg2ImgPipeline": _EMBEDDINGS,
        "BlipDiffusionControlNetPipeline": "it needs a picture of its subject besides",
        "AnimateDiffControlNetPipeline": _VIDEOS,
        "AnimateDiffSparseControlNetPipeline": _VIDEOS,
        "AnimateDiffVideoToVideoControlNetPipeline": _VIDEOS,
        "CogVideoXFunControlPipeline": _VIDEOS,
        "EasyAnimateControlPipeline": _VIDEOS,
    }
)
"""Pipelines that pictures lead, and that synthgen does not drive."""

NO_FILLING: Mapping[str, str] = MappingProxyType(
    {
        "ChromaInpaintPipeline": "diffusers asks its transformer for guidance_embeds, which no Chroma has",
    }
)
"""Pipelines for inpainting that do not work."""

OTHER = {
    "num_frames": "it makes videos",
    "num_videos_per_prompt": "it makes videos",
    "video_length": "it makes videos",
    "video": "it changes videos",
    "audio_length_in_s": "it makes sound",
    "audio_end_in_s": "it makes sound",
    "audio_duration": "it makes sound",
    "mask_image": "it fills regions of images (inpainting)",
    "control_image": "it needs an image that controls the layout",
    "controlnet_conditioning_scale": "it needs an image that controls the layout (ControlNet)",
    "strength": "it changes images",
    "image": "it changes images",
    "images": "it changes images",
    "input_images": "it changes images",
    "reference_image": "it needs a reference image",
    "gligen_phrases": "it needs boxes",
    "gen_length": "it makes text",
    "frame_size": "it makes 3D shapes",
}
"""Arguments that show what else a pipeline does than to make images from text."""

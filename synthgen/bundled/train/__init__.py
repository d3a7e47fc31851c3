"""How the bundled models are trained: `python -m synthgen.bundled.train`.

In one go, from fixed seeds: the ground-truth reader, the judge (a small CLIP), the autoencoder and the
denoiser. Each stage resumes from its last checkpoint.
"""

"""Labelled image datasets from diffusion models, with proof of what is in them.

    import synthgen

    spec = synthgen.load_spec("specs/quickstart.yaml")
    result = synthgen.run(spec)
    datasets.load_dataset(result.dataset)

Every name is loaded when it is first used, so `import synthgen` is instant and imports no torch. The list of names is
`__init__.pyi`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

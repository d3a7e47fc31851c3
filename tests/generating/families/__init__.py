"""Small pipelines of every family that diffusers has, and the right call of each."""

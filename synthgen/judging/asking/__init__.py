"""Judges that are asked questions: VQA models and detectors of transformers."""

"""A dataset's folder -> a repository of the Hugging Face Hub."""

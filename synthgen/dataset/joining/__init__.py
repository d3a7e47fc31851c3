"""A set of real images and one of synthetic images -> one dataset."""

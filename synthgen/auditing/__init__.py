"""A labelled set of images -> findings: what is in it, with the uncertainty that an auditor would sign."""

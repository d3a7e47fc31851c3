"""From a labelled set of images to findings: what is in it, with an uncertainty that an auditor would sign."""

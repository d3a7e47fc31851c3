"""Where in an image something is made or kept: boxes, masks, and canvases that are larger than their image.

Pure: sizes are (width, height), and masks are arrays of truth values in the shape [height, width].
"""

"""What finds boxes and masks on images: detectors and segmenters, and the reader of the bundled world."""

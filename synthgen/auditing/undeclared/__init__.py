"""What nobody declared: splits of images that are associated with class, found in embeddings of images and crops."""

"""Who runs workers where: this machine's processes, or a Ray cluster."""

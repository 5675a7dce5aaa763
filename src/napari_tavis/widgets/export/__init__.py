"""Writing what was annotated as datasets, and importing these: the exporter and its page."""

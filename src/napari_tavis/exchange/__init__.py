"""From sessions to datasets, and back: the one place that knows both. No Qt, no torch."""

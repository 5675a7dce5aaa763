"""What everything else stands on: errors, tasks, files, the vocabulary; no media and no model."""

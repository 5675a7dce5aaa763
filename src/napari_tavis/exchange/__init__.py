"""Formats beside AVSBench, and the way back from datasets to sessions. No Qt, no torch."""

"""Datasets as files on disk. No Qt, no torch."""

"""The dock's pages about a set of videos: the queue and the statistics."""

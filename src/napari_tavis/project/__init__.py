"""A set of videos: working through it, and what has become of it. No torch, no Qt."""

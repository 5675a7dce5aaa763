"""The Soundtrack panel: see the sound on the video's own time axis, hear it, and go there."""

"""How the toy world's classes sound: each a function that synthesises a stretch of waveform."""

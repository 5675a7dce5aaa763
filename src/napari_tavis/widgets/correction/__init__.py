"""Correcting an object: SAM 2 prompts on the canvas, propagation, and small repairs."""

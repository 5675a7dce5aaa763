"""From corrected clips to a better model: fine-tuning on what a person stands behind.

`clips` gathers what was accepted, `finetuning` learns from it and installs the model, and
`process` does that in a process of its own. Imports torch in `finetuning` alone, where it begins.
"""

"""Training on AVSBench trees as the paper does: configurations, the trainer, its state and log.

Imports torch and accelerate (extra ``train``): import its modules where they are needed.
"""

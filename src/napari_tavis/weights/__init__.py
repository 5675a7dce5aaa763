"""The user's weights: where they come from, where they are kept, and under which licences.

Nothing here imports torch until weights are converted.
"""

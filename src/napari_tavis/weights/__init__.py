"""The user's weights: where they come from, where they are kept, and under which licences.

Torch is imported only to convert weights.
"""

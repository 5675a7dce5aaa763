"""The base of every error that is meant to be read by a user."""

from __future__ import annotations


class TavisError(Exception):
    """An error whose message is one sentence for the user, with what to do about it.

    The command line prints the message on one line and exits with code 2; the napari
    widgets show it as a notification. Anything else that is raised is a defect.
    """

"""All errors that a user can act on: one class for each kind, one sentence for each case."""

from __future__ import annotations

EXIT_USER_ERROR = 2  # of the command line, for a `TavisError` and what else a user can fix
EXIT_INTERRUPTED = 130  # after Ctrl+C, as shells have it


class TavisError(Exception):
    """An error whose message is one sentence for the user, with what to do about it.

    The command line prints the message on one line and exits with code 2; the napari
    widgets show it as a notification. Anything else that is raised is a defect.
    """


class UnwritablePlaceError(TavisError):
    """A result cannot be written where it is to go."""


# Media files


class MediaError(TavisError):
    """A media file cannot be read or written; the message names the file."""


class FfmpegMissingError(MediaError):
    """No ffmpeg program was found: neither the bundled one nor another."""


class MissingFileError(MediaError):
    """The path leads to nothing, or to something that is not a file that can be read."""


class EmptyFileError(MediaError):
    """The file has no content."""


class NotAVideoError(MediaError):
    """The file is in no video format that is read here, or is damaged beyond use."""


class NoPictureError(MediaError):
    """The file is media, but has no moving picture: sound alone, for example."""


class DecodingError(MediaError):
    """A frame or the soundtrack of a file that was opened could not be decoded."""


class EncodingError(MediaError):
    """A video could not be written."""


class ClosedClipError(MediaError):
    """A clip was used after it was closed."""


class TooLargeError(MediaError, MemoryError):
    """So many frames were asked for at once that they should not be held in memory."""


class NoSoundOutputError(MediaError):
    """No sound can be played on this computer as it is; the message says what is missing."""


# Sessions


class SessionError(TavisError):
    """A session cannot be read, written or changed this way; the message names the file."""


# Datasets


class DatasetError(TavisError):
    """A dataset cannot be read or written as asked; the message says which file and what to do."""


class SegmentationError(DatasetError):
    """Something that should be a mask is not one, or one of another picture."""


class ClipExistsError(DatasetError):
    """The dataset already holds a clip of this name, and replacing it was not asked for."""

    def __init__(self, clip_name: str, subset: str, where: str) -> None:
        super().__init__(
            f"The {subset} data in {where} already hold a clip named {clip_name!r}: "
            "choose another name, or ask for it to be overwritten."
        )
        self.clip_name = clip_name  # the name (S4, MS3) or uid (semantic)
        self.subset = subset


class MissingFilesError(DatasetError):
    """Files that the lists of a dataset promise are missing.

    `paths` holds all of them; the message names the first ten.
    """

    def __init__(self, paths: tuple[str, ...], where: str) -> None:
        shown = ", ".join(paths[:10])
        more = f" and {len(paths) - 10} more" if len(paths) > 10 else ""
        super().__init__(
            f"{len(paths)} files that {where} lists are missing: {shown}{more}; "
            "restore them or take their rows out of the list."
        )
        self.paths = paths


# Many videos


class ProjectError(TavisError):
    """A set of videos cannot be read or kept; the message names the folder or file."""


# Models and their weights


class ModelError(TavisError):
    """A model was asked for something it does not have: a preset, an image size, a protocol."""


class CheckpointError(TavisError):
    """A file of weights is missing, damaged, or does not fit the model."""


class CheckpointWriteError(CheckpointError):
    """A file of weights cannot be written, whatever the weights are."""


class WeightsError(TavisError):
    """Weights cannot be installed, found or removed."""


class DownloadError(WeightsError):
    """A file could not be downloaded."""


class ChecksumError(DownloadError):
    """A file is not the one that was expected."""


# Computing masks


class InferenceError(TavisError):
    """A clip could not be segmented; the message says what to try."""


class CorrectionError(TavisError):
    """An object cannot be corrected this way; the message says what to do first."""


# The lab


class TrainingError(TavisError):
    """Training or evaluation cannot go on; the message says what to do."""


class EvaluationError(TavisError):
    """A model cannot be evaluated; the message says what to do."""


class ToyWorldError(TavisError):
    """Toy data cannot be made as asked; the message says why and what to do."""


class BenchmarkError(TavisError):
    """The benchmark cannot be run as asked; the message says what to do."""


class ImprovementError(TavisError):
    """A model cannot be improved this way; the message says what to do."""

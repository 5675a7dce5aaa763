"""What can be wrong with a media file, one class per cause."""

from __future__ import annotations

from napari_tavis.errors import TavisError


class MediaError(TavisError):
    """A media file cannot be read or written; the message names the file."""


class FfmpegMissingError(MediaError):
    """No ffmpeg program was found: neither the bundled one nor another."""


class MissingFileError(MediaError):
    """The path leads to nothing, or to something that is not a file that can be read."""


class EmptyFileError(MediaError):
    """The file has no content."""


class NotAVideoError(MediaError):
    """The file is of no video format that is read here, or is damaged beyond use."""


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
    """Sound cannot be heard on this computer as it is; the message says what is missing."""

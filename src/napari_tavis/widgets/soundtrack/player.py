"""Plays the open video: the sound leads, and the viewer's frames follow it."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QObject, QTimer, Signal

from napari_tavis.media import frame_at
from napari_tavis.media.playback import Passage, Playback
from napari_tavis.media.sound_output import Fill, SoundOutput, open_output
from napari_tavis.widgets.controller import AnnotationController

_TICK_MS = 15
_RESUME_MS = 200  # after the user moved the slider, until it plays on from there

HALF_SPEED = 0.5


class Player(QObject):
    """Plays, pauses, repeats a stretch, and slows down at the same pitch."""

    changed = Signal()  # playing began or ended, or speed, stretch or repetition changed
    moved = Signal(float)  # while playing: the time that is heard, in seconds of the video
    silent = Signal(str)  # playing has no sound: why, and what to do about it

    def __init__(
        self,
        controller: AnnotationController,
        open_output: Callable[[Fill], SoundOutput] = open_output,
    ) -> None:
        super().__init__()
        self.stretch: tuple[float, float] | None = None  # the selected one, in seconds
        self.loops = False  # the stretch, or where there is none the whole video
        self.half_speed = False
        self._controller = controller
        self._open_output = open_output
        self._playback: Playback | None = None
        self._playing = False
        self._stepping = False  # the frame is moved from here, not by the user
        self._why_silent: str | None = None  # as emitted last
        self._timer = QTimer(self)
        self._timer.setInterval(_TICK_MS)
        self._timer.timeout.connect(self._tick)
        self._resume = QTimer(self)
        self._resume.setSingleShot(True)
        self._resume.setInterval(_RESUME_MS)
        self._resume.timeout.connect(self._begin)
        controller.navigation.moved.connect(self._on_moved)
        controller.leaving.connect(self._leave)
        controller.closing.connect(self.close)

    @property
    def playing(self) -> bool:
        return self._playing

    def toggle(self) -> None:
        if self._playing:
            self.pause()
        else:
            self.play()

    def play(self) -> None:
        """Play from the frame shown; from the beginning, if that is the last one."""
        if self._playing or self._controller.clip is None:
            return
        self._playing = True
        self._why_silent = None
        self._begin()
        self.changed.emit()

    def pause(self) -> None:
        """Stop, and leave the frame that was shown last."""
        if self._playback is not None:
            self._playback.stop()
        self._resume.stop()
        self._timer.stop()
        if self._playing:
            self._playing = False
            self.changed.emit()

    def close(self) -> None:
        self._controller.navigation.moved.disconnect(self._on_moved)
        self._controller.leaving.disconnect(self._leave)
        self.pause()

    def _leave(self) -> None:
        self.pause()
        self._playback = None

    def seek(self, seconds: float) -> None:
        """Show the frame of a time; if it plays, it goes on from there."""
        clip = self._controller.clip
        if clip is not None:
            self._controller.navigation.go_to(frame_at(clip.times, seconds))

    def select(self, stretch: tuple[float, float] | None) -> None:
        """Select a stretch to repeat, or none."""
        self.stretch = stretch
        self.loops = stretch is not None
        self._restart()

    def set_loops(self, loops: bool) -> None:
        """Choose whether to repeat the stretch, or the whole video if none is selected."""
        self.loops = loops
        self._restart()

    def set_half_speed(self, half: bool) -> None:
        self.half_speed = half
        self._restart()

    # -- playing ---------------------------------------------------------------------------

    def _restart(self) -> None:
        if self._playing:
            self._begin()
        self.changed.emit()

    def _begin(self) -> None:
        """Play from the frame shown."""
        clip = self._controller.clip
        if clip is None:
            self.pause()
            return
        before = self._playback
        if before is not None:
            before.stop()
        passage = self._passage(float(clip.times[self._controller.navigation.frame]))
        # In its own thread it waits until the one before has closed the sound device.
        self._playback = Playback(clip, passage, before, self._open_output)
        self._playback.start()
        self._timer.start()

    def _passage(self, now: float) -> Passage:
        """Work out what to play from the time `now` on."""
        clip = self._controller.clip
        assert clip is not None
        speed = HALF_SPEED if self.half_speed else 1.0
        last_frame = float(clip.times[-1])
        if self.loops and self.stretch is not None:
            first, last = self.stretch
            begin = now if first <= now < last else first
            return Passage(begin, first, last, True, speed)
        begin = 0.0 if now >= last_frame else now
        return Passage(begin, 0.0, clip.duration, self.loops, speed)

    def _tick(self) -> None:
        """Let the viewer follow what is heard."""
        playback, clip = self._playback, self._controller.clip
        if playback is None or clip is None:
            self.pause()
            return
        if playback.why_silent is not None and playback.why_silent != self._why_silent:
            self._why_silent = playback.why_silent
            self.silent.emit(self._why_silent)
        # `over` first: where it is true, the position read after it is the last one.
        over, position = playback.over, playback.position
        self._show(frame_at(clip.times, position))
        self.moved.emit(position)
        if over:
            self.pause()

    def _show(self, frame: int) -> None:
        if frame != self._controller.navigation.frame:
            self._stepping = True
            try:
                self._controller.navigation.go_to(frame)
            finally:
                self._stepping = False

    def _on_moved(self, frame: int) -> None:
        """Stop while the user moves through the video; play on from where they come to rest."""
        if self._stepping or not self._playing:
            return
        self._timer.stop()
        if self._playback is not None:
            self._playback.stop()
        self._resume.start()

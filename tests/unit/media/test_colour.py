"""Colours of HDR and wide-gamut video, as an ordinary screen shows them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from napari_tavis.media import open_clip
from napari_tavis.media.colour import ColourMap, displayed, lattice

from .samples import run_ffmpeg

COLOURS = (
    *((235, 20, 20), (20, 200, 30), (30, 40, 220), (128, 128, 128), (230, 230, 230)),
    *((5, 5, 5), (200, 180, 40), (60, 150, 160)),
)


def bars(height: int = 64, width: int = 32) -> npt.NDArray[np.uint8]:
    """Draw the colours beside each other."""
    row = np.repeat(np.array(COLOURS, dtype=np.uint8), width, axis=0)
    return np.broadcast_to(row, (height, *row.shape)).copy()


def seen(frame: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Read the colours off a frame, in the middle of each bar."""
    width = frame.shape[1] // len(COLOURS)
    return frame[frame.shape[0] // 2, width // 2 :: width].astype(np.int64)


HDR = {
    "PQ": ("smpte2084", "bt2020", "bt2020nc"),
    "HLG": ("arib-std-b67", "bt2020", "bt2020nc"),
    "SDR BT.2020": ("iec61966-2-1", "bt2020", "bt2020nc"),
    "SDR Display P3": ("iec61966-2-1", "smpte432", "bt709"),
}


def graded(path: Path, name: str, brighter: float = 1.0) -> Path:
    """Write the colours, whose white is 203 nits, in the manner of HDR or wide-gamut video."""
    transfer, primaries, matrix = HDR[name]
    frame = bars()
    white = 203 * brighter
    run_ffmpeg(
        *("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{frame.shape[1]}x{frame.shape[0]}"),
        *("-r", "25", "-i", "pipe:0", "-vf"),
        "setparams=color_primaries=bt709:color_trc=iec61966-2-1:colorspace=gbr:range=pc,"
        f"format=gbrp,zscale=t=linear:npl={white},format=gbrpf32le,"
        f"zscale=p={primaries}:t={transfer}:m={matrix}:r=tv:npl={white},format=yuv444p10le",
        *("-c:v", "libx265", "-x265-params", "log-level=none:lossless=1", "-colorspace", matrix),
        *("-color_primaries", primaries, "-color_trc", transfer, "-color_range", "tv", str(path)),
        data=frame.tobytes() * 3,
    )
    return path


@pytest.mark.parametrize("name", HDR)
def test_what_was_made_of_ordinary_colours_becomes_them_again_and_is_said(
    name: str, tmp_path: Path
) -> None:
    with open_clip(graded(tmp_path / "a.mp4", name)) as clip:
        assert np.abs(seen(clip.frames[1]) - COLOURS).max() <= 6
        assert any(name.split()[-1] in said and "colours of" in said for said in clip.warnings)


def test_highlights_are_told_apart_and_white_stays_bright(tmp_path: Path) -> None:
    grey = np.linspace(0, 1, 200)[:, None].repeat(3, axis=1)
    for transfer in ("PQ", "HLG"):
        shown = displayed(grey, transfer, "BT.2020")
        np.testing.assert_allclose(shown, shown[:, :1].repeat(3, axis=1), atol=2e-6)
        assert (np.diff(shown[:, 0]) >= 0).all()
        assert shown[0, 0] == 0
        assert shown[-1, 0] == pytest.approx(1, abs=1e-6)
        below_peak = shown[: 170 if transfer == "PQ" else 199, 0]
        assert (np.diff(below_peak[10:]) > 0).all()
    # The signal of a white page (203 nits) in each.
    assert displayed(np.full((1, 3), 0.5807), "PQ", "BT.2020")[0, 0] == pytest.approx(
        0.95, abs=0.02
    )
    assert displayed(np.full((1, 3), 0.75), "HLG", "BT.2020")[0, 0] == pytest.approx(0.95, abs=0.02)


def test_bright_colours_keep_their_hue(tmp_path: Path) -> None:
    with open_clip(graded(tmp_path / "a.mp4", "PQ", brighter=4)) as clip:
        red, green, blue = seen(clip.frames[1])[:3]
        assert red[0] > 240
        assert green[1] > 240
        assert blue[2] > 240
        assert max(red[1], red[2]) < 80


@pytest.mark.parametrize("kind", [("PQ", "BT.2020"), ("HLG", "BT.2020"), ("SDR", "Display P3")])
def test_the_lattice_is_fine_enough(kind: tuple[str, str]) -> None:
    import av

    signal = np.random.default_rng(0).integers(0, 65536, (64, 64, 3)).astype(np.uint16)
    frame = av.VideoFrame.from_ndarray(signal, format=ColourMap.FORMAT)
    found = ColourMap(kind, (64, 64))(frame).to_ndarray() / 65535
    assert np.abs(found - displayed(signal / 65535, *kind)).mean() < 0.003
    assert lattice(*kind) is lattice(*kind)


def untagged(path: Path, height: int, matrix: str, span: str = "tv") -> Path:
    """Write the colours by a matrix that the file does not name."""
    frame = bars(height)
    size = f"{frame.shape[1]}x{frame.shape[0]}"
    run_ffmpeg(
        *("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size, "-r", "25", "-i", "pipe:0", "-vf"),
        f"scale=out_color_matrix={matrix}:out_range={span},format=yuv420p",
        *("-c:v", "libx264", "-qp", "1", "-color_range", span, "-bsf:v"),
        "h264_metadata=colour_primaries=2:transfer_characteristics=2:matrix_coefficients=2",
        *("-movflags", "-write_colr", str(path)),
        data=frame.tobytes() * 3,
    )
    return path


@pytest.mark.parametrize("span", ["tv", "pc"])
@pytest.mark.parametrize(("height", "matrix"), [(718, "bt601"), (720, "bt709"), (1080, "bt709")])
def test_colours_that_are_not_named_are_those_of_hd_from_720_lines_on(
    height: int, matrix: str, span: str, tmp_path: Path
) -> None:
    with open_clip(untagged(tmp_path / "a.mp4", height, matrix, span)) as clip:
        assert np.abs(seen(clip.frames[1]) - COLOURS).max() <= 4
        assert clip.warnings == ("a.mp4 has no soundtrack.",)


@pytest.mark.parametrize(
    "matrix", ["bt709", "smpte170m", "bt470bg", "fcc", "smpte240m", "bt2020nc"]
)
def test_a_matrix_that_is_named_is_used(matrix: str, tmp_path: Path) -> None:
    frame = bars()
    path = tmp_path / "a.mp4"
    run_ffmpeg(
        *("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{frame.shape[1]}x{frame.shape[0]}"),
        *("-r", "25", "-i", "pipe:0", "-vf"),
        f"scale=out_color_matrix={matrix.replace('nc', '')}:out_range=tv,format=yuv444p",
        *("-c:v", "libx264", "-qp", "1", "-colorspace", matrix, str(path)),
        data=frame.tobytes() * 3,
    )
    with open_clip(path) as clip:
        assert np.abs(seen(clip.frames[1]) - COLOURS).max() <= 4

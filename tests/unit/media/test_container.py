"""What is a video, what is not, and what the streams of a file are."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import av
import av.error
import av.format
import pytest

from napari_tavis.core.errors import (
    EmptyFileError,
    MediaError,
    MissingFileError,
    NoPictureError,
    NotAVideoError,
)
from napari_tavis.media import open_clip
from napari_tavis.media.container import DEMUXERS, open_container, probe

from .samples import H264, encode, run_ffmpeg

NOT_VIDEOS = {
    "text.mp4": b"hello",
    "text.txt": b"hello world\n" * 100,
    "noise.mkv": bytes(range(256)) * 400,
    "zeros.avi": bytes(50_000),
    "list.m3u8": b"#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\nreal.ts\n#EXT-X-ENDLIST\n",
    "list.mp4": b"#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\nreal.ts\n#EXT-X-ENDLIST\n",
    "script.ffconcat": b"ffconcat version 1.0\nfile real.ts\n",
    "script.mp4": b"ffconcat version 1.0\nfile real.ts\n",
    "sequence.sdp": b"v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 9 RTP/AVP 96\n",
}


@pytest.mark.parametrize("name", NOT_VIDEOS)
def test_other_files_and_playlists_are_no_videos(
    name: str, tmp_path: Path, plain_video: Path
) -> None:
    run_ffmpeg("-i", str(plain_video), "-c", "copy", str(tmp_path / "real.ts"))
    path = tmp_path / name
    path.write_bytes(NOT_VIDEOS[name])
    with pytest.raises(NotAVideoError) as raised:
        open_clip(path)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", ["still.png", "still.jpg"])
def test_a_still_picture_is_no_video(name: str, tmp_path: Path, plain_video: Path) -> None:
    run_ffmpeg("-i", str(plain_video), "-frames:v", "1", str(tmp_path / name))
    with pytest.raises(NotAVideoError, match=name):
        open_clip(tmp_path / name)


def test_what_cannot_be_a_file_of_video_is_said_for_each(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "folder.mp4").mkdir()
    cases = {
        "empty.mp4": (EmptyFileError, "is empty"),
        "folder.mp4": (MissingFileError, "is a folder"),
        "missing.mp4": (MissingFileError, "does not exist"),
        "x" * 300: (MissingFileError, "cannot be read"),
    }
    for name, (kind, words) in cases.items():
        with pytest.raises(kind, match=words) as raised:
            open_clip(tmp_path / name)
        assert name in str(raised.value)
    with pytest.raises(MediaError):
        open_clip("nul\0.mp4")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(MissingFileError, match="not a regular file"):
        open_clip(tmp_path / "pipe.mp4")


@pytest.mark.skipif(getattr(os, "geteuid", lambda: 0)() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_said(tmp_path: Path, plain_video: Path) -> None:
    path = Path(shutil.copy(plain_video, tmp_path / "locked.mp4"))
    path.chmod(0)
    with pytest.raises(MissingFileError, match="cannot be read"):
        open_clip(path)


@pytest.mark.parametrize("name", ["sound.mp3", "sound.m4a", "sound.wav", "sound.flac", "sound.mka"])
def test_sound_alone_is_said(name: str, tmp_path: Path, click_sound: Path) -> None:
    run_ffmpeg("-i", str(click_sound), str(tmp_path / name))
    with pytest.raises(NoPictureError, match=r"sound but no moving picture"):
        open_clip(tmp_path / name)


@pytest.mark.parametrize("name", ["song.mp3", "song.m4a"])
def test_a_cover_is_no_moving_picture(name: str, tmp_path: Path, plain_video: Path) -> None:
    run_ffmpeg("-i", str(plain_video), "-frames:v", "1", str(tmp_path / "cover.png"))
    run_ffmpeg(
        *("-i", str(plain_video), "-i", str(tmp_path / "cover.png"), "-map", "0:a", "-map", "1"),
        *("-c:v", "copy", "-disposition:v", "attached_pic", str(tmp_path / name)),
    )
    with pytest.raises(NoPictureError, match=name):
        open_clip(tmp_path / name)


AWKWARD = [
    "-i.mp4",
    "concat:a|b.mp4",
    "http:x.mp4",
    "file:x.mp4",
    "with space.mp4",
    'quote\'s "double".mp4',
    "ünïcödé 日本 🎺.mp4",
    "new\nline.mp4",
    "percent%03d.mp4",
    "star*[a-b]?.mp4",
    "back\\slash.mp4",
]


@pytest.mark.skipif(os.name == "nt", reason="Windows does not allow such names")
@pytest.mark.parametrize("name", AWKWARD)
def test_a_name_means_nothing_but_itself(
    name: str, tmp_path: Path, plain_video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(plain_video, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    with open_clip(name) as clip:
        assert clip.frames.shape == (72, 48, 64, 3)
        assert clip.frames[50].any()
        assert clip.soundtrack().any()


def test_the_streams_of_a_file(tmp_path: Path, click_sound: Path) -> None:
    path = encode(
        tmp_path / "many.mkv",
        *(*H264, "-map", "1:a", "-map", "0:v", "-map", "1:a", "-disposition:a:0", "0"),
        *("-disposition:a:1", "default"),
        count=12,
        sound=click_sound,
    )
    listing = probe(path)
    assert [stream.codec for stream in listing.video] == ["h264"]
    assert listing.picture.index == 1
    assert [stream.index for stream in listing.audio] == [0, 2]
    assert listing.sound is not None
    assert listing.sound.index == 2
    assert listing.duration == pytest.approx(2.4, abs=0.1)


def test_only_containers_of_media_and_only_files_are_opened() -> None:
    naming_others = "hls dash concat sdp image2 image2pipe lavfi rtsp imf sap webm_dash_manifest"
    assert not DEMUXERS & {*naming_others.split(), "ffmetadata", "video4linux2", "x11grab"}
    for name in DEMUXERS:
        assert not av.format.ContainerFormat(name, "r").flags & av.format.Flags.no_file.value


def test_an_open_file_reads_nothing_but_itself(plain_video: Path, tmp_path: Path) -> None:
    with open_container(plain_video) as container:
        assert container.container_options["protocol_whitelist"] == "file"
        assert set(container.container_options["format_whitelist"].split(",")) == DEMUXERS
        assert container.name == f"file:{plain_video}"


def test_tags_in_any_encoding_are_no_reason_to_refuse(plain_video: Path, tmp_path: Path) -> None:
    path = tmp_path / "tags.mkv"
    run_ffmpeg("-i", str(plain_video), "-c", "copy", "-metadata", "title=MARKMARK", str(path))
    path.write_bytes(path.read_bytes().replace(b"MARKMARK", b"caf\xe9\xff\xfe\x80."))
    assert probe(path).picture.codec == "h264"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\0\0\0\x10ftypisom\0\0\0\0" + b"\0\0\0\x01mdat" + b"\xff" * 8, "incomplete"),
        (b"\0\0\0\x10ftypisom\0\0\0\0" + b"\0\0\0\0mdat" + bytes(50), "incomplete"),
        (b"\0\0\0\x10ftypisom\0\0\0\0" + b"\0\0\0\x04mdat" + bytes(50), "not a video file"),
        (b"\0\0\0\x08ftyp" * 3000, "not a video file"),
        (b"ftyp", "not a video file"),
    ],
)
def test_why_an_mp4_cannot_be_opened_is_found_in_its_boxes(
    content: bytes, said: str, tmp_path: Path
) -> None:
    (tmp_path / "a.mp4").write_bytes(content)
    with pytest.raises(NotAVideoError, match=said):
        probe(tmp_path / "a.mp4")

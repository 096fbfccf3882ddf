"""What may be opened: regular files under any name, and nothing that blocks."""

from __future__ import annotations

import io
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import av
import numpy as np
import pytest

from genrekit.audio import DecodeLimits, decode, open_stream, probe
from genrekit.errors import AudioContentError, AudioFormatError, AudioLimitError, AudioNotFoundError

NAMES = (
    os.fsdecode(b"not utf-8 \xff\xfe.wav"),
    "Ünïcødé 音楽.wav",
    "a\nnew\tline.wav",
    "-",
    "%d%s.wav",
    "file:x",
    "pipe:0",
    "concat:a|b.wav",
    "x" * 250,
)


@pytest.mark.parametrize("kind", ["wav", "mp3", "m4a"])
@pytest.mark.parametrize("name", NAMES)
def test_any_name_works(clips: dict[str, Any], name: str, kind: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(clips[kind].data)
    assert decode(path).seconds == pytest.approx(6.0, abs=0.1)
    assert decode(str(path)).seconds == pytest.approx(6.0, abs=0.1)


def test_missing_files_and_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(AudioNotFoundError, match=r"gone\.mp3.*No such file"):
        decode(tmp_path / "gone.mp3")
    with pytest.raises(AudioNotFoundError, match="is a directory"):
        decode(tmp_path)
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(AudioNotFoundError, match="Not a directory"):
        decode(tmp_path / "file" / "clip.wav")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(AudioNotFoundError):
        decode(tmp_path / "loop")
    for name in ("null\0byte.wav", "y" * 300, ""):
        with pytest.raises(AudioNotFoundError):
            decode(name)


def test_a_pipe_is_refused_without_waiting_for_a_writer(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.wav"
    os.mkfifo(pipe)
    with pytest.raises(AudioNotFoundError, match="is a named pipe"):
        decode(pipe)
    link = tmp_path / "link.wav"
    link.symlink_to(pipe)
    with pytest.raises(AudioNotFoundError, match="is a named pipe"):
        probe(link)


def test_devices_and_sockets_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AudioNotFoundError, match="is a device"):
        decode(os.devnull)
    monkeypatch.chdir(tmp_path)  # the path of a socket must be short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket.wav")
        with pytest.raises(AudioNotFoundError, match="is a socket"):
            decode("socket.wav")


@contextmanager
def _without_privileges() -> Iterator[None]:
    """Root may read everything; drop it for a moment."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_an_unreadable_file_is_named(clips: dict[str, Any]) -> None:
    # Not in tmp_path, whose parents other users may not enter.
    path = Path(os.path.realpath("/tmp")) / f"genrekit-unreadable-{os.getpid()}.wav"
    try:
        path.write_bytes(clips["wav"].data)
        path.chmod(0)
        with (
            _without_privileges(),
            pytest.raises(AudioNotFoundError, match=r"unreadable.*Permission denied"),
        ):
            decode(path)
    finally:
        path.unlink()


def test_zero_bytes_are_empty(tmp_path: Path) -> None:
    path = tmp_path / "empty.mp3"
    path.touch()
    for source in (path, b"", io.BytesIO()):
        with pytest.raises(AudioContentError) as caught:
            decode(source)
        assert caught.value.state == "empty"


JUNK = {
    "text": b"All work and no play makes Jack a dull boy.\n" * 2000,
    "html": b"<!DOCTYPE html><html><body>" + b"<p>404 Not Found</p>\n" * 3000,
    "json": b'{"error": "not found"}',
    "png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(1000),
    "pdf": b"%PDF-1.7\n" + b"1 0 obj\n" * 500,
    "zip": b"PK\x03\x04" + bytes(1000),
    "one byte": b"R",
    "zeros": bytes(100_000),
    "sync words": b"\xff\xfb\x90\x64" * 50_000,
    "endless tag": b"ID3\x04\0\0\x7f\x7f\x7f\x7f" + bytes(200_000),
    "subtitles": b"1\n00:00:01,000 --> 00:00:02,000\nLa la la\n\n",
}


@pytest.mark.parametrize("kind", JUNK)
def test_what_is_not_audio_is_refused(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "song.mp3"
    path.write_bytes(JUNK[kind])
    said = "downloaded completely" if kind == "endless tag" else "not audio"
    for call in (decode, probe, open_stream):
        with pytest.raises(AudioFormatError, match=said):
            call(path)


@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{path}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '{path}'\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n",
        "[playlist]\nFile1={path}\nNumberOfEntries=1\n",
    ],
)
def test_playlists_open_no_other_file(clips: dict[str, Any], text: str, tmp_path: Path) -> None:
    (tmp_path / "secret.mp3").write_bytes(clips["mp3"].data)
    playlist = tmp_path / "song.mp3"
    playlist.write_text(text.format(path=tmp_path / "secret.mp3"))
    with pytest.raises(AudioFormatError, match="not audio"):
        decode(playlist)


def test_a_video_without_sound_is_refused() -> None:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as output:
        stream = output.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        picture = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
        output.mux(stream.encode(picture))
        output.mux(stream.encode(None))
    with pytest.raises(AudioFormatError, match="no audio track"):
        decode(file.getvalue())


def _titled(container: str, codec: str, title: bytes) -> bytes:
    """One second of a tone whose title is these bytes."""
    stand_in = "#" * len(title)
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        output.metadata["title"] = stand_in
        stream: Any = output.add_stream(codec, rate=48000)
        kind, stream.layout = stream.codec_context.codec.audio_formats[0].name, "mono"
        stream.format = kind
        tone = np.sin(np.arange(48000, dtype=np.float32) / 10)[np.newaxis]
        frame = av.AudioFrame.from_ndarray(tone, "fltp", "mono")
        frame.sample_rate, frame.pts = 48000, 0
        resampler = av.AudioResampler(kind, "mono", 48000, stream.frame_size or None)
        for piece in (*resampler.resample(frame), *resampler.resample(None), None):
            output.mux(stream.encode(piece))
    assert stand_in.encode() in file.getvalue()
    return file.getvalue().replace(stand_in.encode(), title)


@pytest.mark.parametrize("release", ["installed", "19"])
@pytest.mark.parametrize(("container", "codec"), [("ipod", "aac"), ("webm", "libopus")])
def test_a_title_that_is_not_utf_8_harms_nothing(
    container: str, codec: str, release: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PyAV before 19 must be told so; from 19 on it knows, and refuses to be told."""
    data = _titled(container, codec, b"Caf\xe9 \xff\xfe\x80")
    if release == "19" and int(av.__version__.partition(".")[0]) < 19:
        installed = av.open

        def as_19(file: Any, mode: Literal["r"], *, options: dict[str, str]) -> Any:
            return installed(file, mode, options=options, metadata_errors="surrogateescape")

        monkeypatch.setattr(av, "open", as_19)
        monkeypatch.setattr(av, "__version__", "19.0.2")
    assert decode(data).seconds == pytest.approx(1.0, abs=0.1)


def test_an_endless_stream_ends_at_the_byte_limit() -> None:
    class Endless(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            return b"RIFF" * 1000

    with pytest.raises(AudioLimitError) as caught:
        decode(Endless(), limits=DecodeLimits(bytes=1_000_000))  # type: ignore[arg-type]
    assert caught.value.limit == "bytes"
    assert caught.value.seen < 1_100_000


def test_a_failing_stream_is_an_audio_error() -> None:
    class Broken(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            raise OSError("the line went dead")

    with pytest.raises(AudioNotFoundError, match="line went dead"):
        decode(Broken())  # type: ignore[arg-type]


def test_files_are_left_as_they_were(clips: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "clip.mp3"
    path.write_bytes(clips["mp3"].data)
    path.chmod(stat.S_IRUSR)
    before = path.stat()
    decode(path)
    after = path.stat()
    assert path.read_bytes() == clips["mp3"].data
    assert (before.st_mtime_ns, before.st_size) == (after.st_mtime_ns, after.st_size)

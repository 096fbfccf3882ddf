"""Whether music can be read: tiny files are made, and decoded as any other file is."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from genrekit.installation.check import Check

if TYPE_CHECKING:
    import av
    import numpy as np
    from numpy.typing import NDArray

_RATE_HZ, _SECONDS, _TONE_HZ = 48000, 1.0, 440.0
_BITS_PER_SECOND = 96_000
# Encoders begin and end as they like; a codec that lost more has lost music.
_LONGEST_PADDING_SECONDS = 0.2
#: Name to the suffix, and the format and subtype of libsndfile or the encoder of FFmpeg.
_SNDFILE: dict[str, tuple[str, str, str]] = {
    "wav": (".wav", "WAV", "PCM_16"),
    "flac": (".flac", "FLAC", "PCM_16"),
    "mp3": (".mp3", "MP3", "MPEG_LAYER_III"),
    "ogg vorbis": (".ogg", "OGG", "VORBIS"),
    "opus": (".opus", "OGG", "OPUS"),
    "aiff": (".aiff", "AIFF", "PCM_16"),
    "au": (".au", "AU", "PCM_16"),
}
_FFMPEG: dict[str, tuple[str, str]] = {
    "m4a aac": (".m4a", "aac"),
    "m4a alac": (".m4a", "alac"),
    "wma": (".wma", "wmav2"),
    "webm": (".webm", "libopus"),
    "wavpack": (".wv", "wavpack"),
    "tta": (".tta", "tta"),
}


def check_codecs() -> Iterator[Check]:
    """Make one second of a tone in every codec that can be written here, and decode it."""
    with tempfile.TemporaryDirectory(prefix="genrekit-doctor-") as folder:
        for name, (suffix, kind, subtype) in _SNDFILE.items():
            path = Path(folder, f"tone{suffix}")
            yield _checked(name, path, _write_sndfile, kind, subtype)
        for name, (suffix, encoder) in _FFMPEG.items():
            path = Path(folder, f"{name.replace(' ', '-')}{suffix}")
            yield _checked(name, path, _write_ffmpeg, encoder)


def _checked(name: str, path: Path, write: Any, *how: str) -> Check:
    try:
        write(path, *how)
    except Exception as error:  # noqa: BLE001 -- an encoder is not ours, and not needed
        return Check("codecs", name, "absent", f"not tried, nothing here writes it: {error}")
    try:
        problem = _decoded_wrong(path)
    except Exception as error:  # noqa: BLE001 -- whatever it is, it is what was to be found
        problem = f"{type(error).__name__}: {error}"
    if problem:
        advice = "install genrekit's dependencies again: pip install --force-reinstall av soundfile"
        return Check("codecs", name, "broken", problem, advice)
    return Check("codecs", name, "ok", "decoded")


def _decoded_wrong(path: Path) -> str:
    """Say what is wrong with the tone that comes back; nothing if it is the tone."""
    import numpy as np

    from genrekit.audio import decode

    sound = decode(path)
    seconds = len(sound.samples) / sound.sample_rate_hz
    if abs(seconds - _SECONDS) > _LONGEST_PADDING_SECONDS:
        return f"{seconds:.2f} s come back of {_SECONDS:.2f}"
    power = np.abs(np.fft.rfft(sound.samples)) ** 2
    hertz = np.fft.rfftfreq(len(sound.samples), 1 / sound.sample_rate_hz)
    near = power[np.abs(hertz - _TONE_HZ) < 20].sum() / max(power.sum(), 1e-12)
    return "" if near > 0.9 else f"only {near:.0%} of what comes back is the tone that was written"


def _tone() -> NDArray[np.float32]:
    import numpy as np

    seconds = np.arange(int(_RATE_HZ * _SECONDS)) / _RATE_HZ
    return (0.5 * np.sin(2 * np.pi * _TONE_HZ * seconds)).astype(np.float32)


def _write_sndfile(path: Path, kind: str, subtype: str) -> None:
    import soundfile

    soundfile.write(path, _tone(), _RATE_HZ, format=kind, subtype=subtype)


def _write_ffmpeg(path: Path, encoder: str) -> None:
    import av
    import numpy as np

    with av.open(str(path), "w") as container:
        stream = cast("av.AudioStream", container.add_stream(encoder, rate=_RATE_HZ))
        context, kinds = stream.codec_context, stream.codec_context.codec.audio_formats
        kind = kinds[0].name if kinds else "fltp"
        context.bit_rate, context.format, context.layout = _BITS_PER_SECOND, kind, "mono"
        frame = av.AudioFrame.from_ndarray(np.atleast_2d(_tone()), "fltp", "mono")
        frame.sample_rate, frame.pts = _RATE_HZ, 0
        resampler = av.AudioResampler(kind, "mono", _RATE_HZ, context.frame_size or None)
        for part in (*resampler.resample(frame), *resampler.resample(None), None):
            container.mux(stream.encode(part))

"""Small videos, made by PyAV."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

UNIT = Fraction(1, 12800)
SIZE = (96, 64)


def picture(index: int, shot: int = 0) -> np.ndarray:
    """(64, 96, 3) uint8: a shot's own smooth colours, and a white square that moves from frame to frame."""
    noise = np.random.default_rng(shot).integers(30, 200, (4, 6, 3))
    shown = np.kron(noise, np.ones((16, 16, 1), dtype=np.int64)).astype(np.uint8)
    left = (4 * index) % 80
    shown[8:24, left : left + 16] = 235
    return shown


def write_clip(
    path: Path,
    *,
    shots: Sequence[int] = (20,),
    times: Sequence[int] | None = None,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    options: dict[str, str] | None = None,
    sound: str | None = "aac",
) -> Path:
    """A video of so many frames per shot, 25 a second or at `times` in 1/12800 s, with a tone."""
    with av.open(str(path), "w") as container:
        video = container.add_stream(codec, rate=25, options={"crf": "10", **(options or {})})
        video.width, video.height, video.pix_fmt = *SIZE, pixel_format
        video.time_base = video.codec_context.time_base = UNIT
        audio = None if sound is None else container.add_stream(sound, rate=48000, layout="mono")
        shown = [(index, shot) for shot, count in enumerate(shots) for index in range(count)]
        for number, (index, shot) in enumerate(shown):
            frame = av.VideoFrame.from_ndarray(picture(index, shot), format="rgb24")
            frame.pts, frame.time_base = (512 * number if times is None else times[number]), UNIT
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if audio is not None:
            tone = np.sin(np.arange(48000 * len(shown) // 25) * 2 * np.pi * 440 / 48000).astype(np.float32)[None]
            for start in range(0, tone.shape[1], 1024):
                heard = av.AudioFrame.from_ndarray(tone[:, start : start + 1024].copy(), format="fltp", layout="mono")
                heard.sample_rate, heard.pts, heard.time_base = 48000, start, Fraction(1, 48000)
                container.mux(audio.encode(heard))
            container.mux(audio.encode(None))
    return path


def write_sound(path: Path) -> Path:
    """A file with a tone and no picture."""
    with av.open(str(path), "w") as container:
        audio = container.add_stream("aac", rate=48000, layout="mono")
        heard = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        heard.sample_rate, heard.pts = 48000, 0
        container.mux(audio.encode(heard))
        container.mux(audio.encode(None))
    return path


def turn_clip(path: Path) -> Path:
    """Have an MP4 ask to be shown turned clockwise by 90 degrees, as a phone held upright does."""
    content = bytearray(path.read_bytes())
    place = content.index(b"tkhd") + 4 + 40
    matrix = np.array([0, 1 << 16, 0, -(1 << 16), 0, 0, SIZE[1] << 16, 0, 1 << 30], dtype=">i4")
    content[place : place + 36] = matrix.tobytes()
    path.write_bytes(content)
    return path

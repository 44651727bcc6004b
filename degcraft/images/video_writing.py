"""Writing video: parts that are each there whole or not at all, and the file that they are joined to."""

from __future__ import annotations

import heapq
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorRange

from degcraft.errors import DegcraftError
from degcraft.images.atomic import written_whole
from degcraft.images.video import EXACT, Video, reason


@dataclass(frozen=True)
class VideoCodec:
    """How frames are compressed."""

    encoder: str
    """FFmpeg's name."""
    options: MappingProxyType[str, str]
    has_crf: bool = True
    """Whether it loses anything, by a constant rate factor."""


# No frame refers to a later one (bf, bframes), so that parts can follow each other whatever the times of their frames.
VIDEO_CODECS = {
    "h264": VideoCodec("libx264", MappingProxyType({"bf": "0", "x264-params": "log=-1"})),
    "hevc": VideoCodec("libx265", MappingProxyType({"x265-params": "bframes=0:log-level=none"})),
    "ffv1": VideoCodec("ffv1", MappingProxyType({"level": "3"}), has_crf=False),
}
"""By the names that people use: ffv1 loses nothing."""


@dataclass(frozen=True)
class VideoFormat:
    """What is written of a video."""

    codec: str
    """One of `VIDEO_CODECS`."""
    crf: int
    """Constant rate factor, 0 to 51: lower is better, and larger."""

    def __post_init__(self) -> None:
        if self.codec not in VIDEO_CODECS:
            raise DegcraftError(f"codec must be one of {', '.join(VIDEO_CODECS)}, but got {self.codec!r}")
        if not 0 <= self.crf <= 51:
            raise DegcraftError(f"crf must be from 0 to 51, but got {self.crf}")


class VideoPart:
    """Frames that are being encoded to a file, as the frames of `like` were: colours, depth, chroma, times."""

    def __init__(self, container: av.container.OutputContainer, like: Video, into: VideoFormat) -> None:
        self._container, self._like, self._into = container, like, into
        self._stream: Any = None
        self._pixel_format = _pixel_format(like)

    def add(self, pixels: np.ndarray, pts: int) -> None:
        """Encode the next frame.

        Args:
            pixels: (H, W, 3) RGB, uint8 or uint16 up to 65535; all of one size. An odd side whose chroma is halved is
                made even by repeating its last row or column.
            pts: in `time_base` of the video that it is like; rising.
        """
        if "444" not in self._pixel_format:
            height, width = pixels.shape[:2]
            pixels = np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        whole = np.ascontiguousarray(pixels)
        frame = av.VideoFrame.from_ndarray(whole, format="rgb48le" if whole.dtype == np.uint16 else "rgb24")
        like = self._like
        frame = frame.reformat(
            format=self._pixel_format, src_color_range=ColorRange.JPEG, dst_color_range=like.range,
            dst_colorspace=like.matrix, interpolation=EXACT,
        )  # fmt: skip
        frame.pts, frame.time_base = pts, like.time_base
        if self._stream is None:
            self._stream = self._open(frame.width, frame.height)
        self._container.mux(self._stream.encode(frame))

    def finish(self) -> None:
        """Write what the encoder still holds."""
        self._container.mux(self._stream.encode(None))

    def _open(self, width: int, height: int) -> Any:
        codec, source = VIDEO_CODECS[self._into.codec], self._like.stream
        options = dict(codec.options) | ({"crf": str(self._into.crf)} if codec.has_crf else {})
        stream: Any = self._container.add_stream(codec.encoder, rate=source.average_rate or 25, options=options)
        context = stream.codec_context
        context.width, context.height, context.pix_fmt = width, height, self._pixel_format
        context.time_base = stream.time_base = self._like.time_base
        aspect = source.sample_aspect_ratio or Fraction(1)
        context.sample_aspect_ratio = 1 / aspect if self._like.turned else aspect
        context.colorspace, context.color_range = int(self._like.matrix), self._like.range
        context.color_primaries = source.codec_context.color_primaries
        context.color_trc = source.codec_context.color_trc
        return stream


@contextmanager
def write_part(path: Path, like: Video, into: VideoFormat) -> Iterator[VideoPart]:
    """A part of a video, there whole when the block ends well. NUT keeps any unit of time as it is.

    Raises:
        DegcraftError: it cannot be encoded or written.
    """
    with written_whole(path) as temporary:
        try:
            with av.open(str(temporary), "w", format="nut") as container:
                part = VideoPart(container, like, into)
                yield part
                part.finish()
        except av.FFmpegError as error:
            raise DegcraftError(f"{path}: cannot be encoded ({reason(error)})") from None


def check_video_target(target: Path, source: Video, into: VideoFormat) -> None:
    """Refuse, before hours are spent, what a file of this name cannot hold.

    Raises:
        DegcraftError: no kind of video file, or none that holds this codec or the sound of `source`.
    """
    with tempfile.TemporaryDirectory() as folder:
        try:
            with av.open(str(Path(folder) / f"empty{target.suffix}"), "w") as empty:
                held = empty.supported_codecs
        except (av.FFmpegError, ValueError):
            raise DegcraftError(f"{target}: must be named as a video, such as .mp4 or .mkv") from None
    wanted = [(f"--codec {into.codec}", into.codec)]
    wanted += [(f"the sound of {source.path}", audio.codec_context.name) for audio in source.container.streams.audio]
    for what, codec in wanted:
        if codec not in held:
            raise DegcraftError(f"{target}: {what} is {codec}, which such a file cannot hold; name it .mkv")


def join_parts(parts: list[Path], source: Video, target: Path) -> None:
    """Write the parts one after another into a file, with the sound, chapters and tags of `source`; nothing is encoded.

    Raises:
        DegcraftError: they cannot be joined, or the file cannot be written.
    """
    with written_whole(target) as temporary, ExitStack() as stack:
        try:
            out = stack.enter_context(av.open(str(temporary), "w"))
            with av.open(str(parts[0])) as first:
                video = out.add_stream_from_template(first.streams.video[0])
                video.time_base = source.time_base
            sounds = {one.index: out.add_stream_from_template(one) for one in source.container.streams.audio}
            out.metadata.update(source.container.metadata)
            out.set_chapters(source.container.chapters())
            packets = [_packets(parts, video)]
            if sounds:
                heard = stack.enter_context(av.open(str(source.path), metadata_errors="replace"))
                packets.append(_sound(heard, sounds))
            for packet in heapq.merge(*packets, key=lambda one: one.dts * one.time_base):
                out.mux(packet)
        except av.FFmpegError as error:
            raise DegcraftError(f"{target}: cannot be joined from its parts ({reason(error)})") from None


def _packets(parts: list[Path], stream: Any) -> Iterator[Any]:
    for part in parts:
        with av.open(str(part)) as container:
            for packet in container.demux(video=0):
                if packet.pts is not None:
                    packet.stream, packet.dts = stream, packet.pts  # no frame waits for a later one
                    yield packet


def _sound(container: Any, streams: dict[int, Any]) -> Iterator[Any]:
    for packet in container.demux(*container.streams.audio):
        if packet.dts is not None:
            packet.stream = streams[packet.stream.index]
            yield packet


def _pixel_format(like: Video) -> str:
    """The chroma and the depth of a video, of at most 10 bits."""
    found = like.stream.codec_context.format
    assert found is not None, "a frame has been decoded"
    whole = found.is_rgb or (found.chroma_width(2) == 2 and len(found.components) > 2)
    chroma = "444" if whole else "422" if len(found.components) > 2 and found.chroma_height(2) == 2 else "420"
    return f"yuv{chroma}p{'10le' if like.deep else ''}"

"""Reading video: the frames of a file as one sees them, one by one, each with its time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.stream import Disposition
from av.video.reformatter import ColorRange, Colorspace, Interpolation

from degcraft.errors import DegcraftError

SHORT = 1.0
"""Seconds that may be missing at the end of what a file says of its length."""
VIDEO_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".vob", ".ts", ".m2ts", ".mts", ".wmv", ".nut"}
)
"""The suffixes, in lower case, by which a video is known."""

EXACT = Interpolation.BICUBIC | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP | Interpolation.ACCURATE_RND
"""Conversions between RGB and YCbCr at their best; swscale's default repeats chroma."""

_MATRICES = {1: Colorspace.ITU709, 4: Colorspace.FCC, 5: Colorspace.ITU601, 6: Colorspace.ITU601,
             7: Colorspace.SMPTE240M, 9: Colorspace.BT2020}  # fmt: skip
"""By the number of ITU-T H.273, as files state them."""
_RGB, _UNSTATED = 0, 2
_HD = 576
"""Rows above which players take YCbCr without a stated matrix for BT.709."""


def is_video(path: str | Path) -> bool:
    """Whether this is a file with the suffix of a video."""
    return Path(path).suffix.lower() in VIDEO_SUFFIXES and Path(path).expanduser().is_file()


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame."""

    pts: int
    """When it is shown, in `Video.time_base`."""
    damaged: bool
    """Whether the decoder had to guess a part of it."""
    _decoded: av.VideoFrame
    _video: Video

    @cached_property
    def pixels(self) -> np.ndarray:
        """(H, W, 3) RGB, upright and whole (no fields), uint8 or, of a deeper file, uint16 up to 65535."""
        video = self._video
        rgb = self._decoded.reformat(
            format="rgb48le" if video.deep else "rgb24", src_colorspace=video.matrix, src_color_range=video.range,
            dst_color_range=ColorRange.JPEG, interpolation=EXACT,
        )  # fmt: skip
        # FFmpeg states by how much to turn counter-clockwise.
        return np.ascontiguousarray(np.rot90(rgb.to_ndarray(), round(self._decoded.rotation / 90)))

    def rgb8(self) -> np.ndarray:
        """`pixels` as uint8."""
        return ((self.pixels.astype(np.uint32) + 128) // 257).astype(np.uint8) if self._video.deep else self.pixels


class Video:
    """An open video; `open_video` makes it.

    Frames are turned as the file asks for, and frames that say they are interlaced are made whole by FFmpeg's bwdif.
    """

    def __init__(self, path: Path, container: av.container.InputContainer) -> None:
        self.path = path
        self.container = container
        self.stream = next(one for one in container.streams.video if _moves(one))
        self.stream.thread_type = "AUTO"
        self.time_base: Fraction = self.stream.time_base or Fraction(1, av.time_base)
        self.lost: list[float] = []
        """Seconds near which frames are missing, as they could not be decoded."""
        self.interlaced = False
        """Whether a frame read so far was."""
        self.turned = False
        """Whether the frames read so far lay on their side."""

    @property
    def seconds(self) -> float | None:
        """How long it says it is."""
        if self.stream.duration is not None:
            return float(self.stream.duration * self.time_base)
        return None if self.container.duration is None else self.container.duration / av.time_base

    @cached_property
    def start(self) -> int:
        """Time of the first frame, in `time_base`: that of the first call, as FFmpeg changes it after a seek."""
        return self.stream.start_time or 0

    @cached_property
    def deep(self) -> bool:
        """Whether it has more than 8 bits."""
        pixel_format = self.stream.codec_context.format
        return pixel_format is not None and any(part.bits > 8 for part in pixel_format.components)

    @cached_property
    def matrix(self) -> Colorspace:
        """Between YCbCr and RGB: the one that is stated, else the one that players assume."""
        context = self.stream.codec_context
        if context.colorspace in (_RGB, _UNSTATED):
            return Colorspace.ITU709 if context.height > _HD else Colorspace.ITU601
        if context.colorspace not in _MATRICES:
            raise DegcraftError(
                f"{self.path}: its colours must be of BT.601, BT.709, BT.2020 (not of constant luminance), SMPTE 240M "
                f"or FCC, but are of matrix {context.colorspace}"
            )
        return _MATRICES[context.colorspace]

    @cached_property
    def range(self) -> ColorRange:
        """Whether 16 is black, or 0."""
        stated = self.stream.codec_context.color_range
        full = stated == ColorRange.JPEG or (self.stream.codec_context.pix_fmt or "").startswith("yuvj")
        return ColorRange.JPEG if full else ColorRange.MPEG

    def seek(self, pts: int) -> None:
        """Go to the last key frame that is not after `pts`, or to the beginning where the file has no index."""
        try:
            self.container.seek(pts, stream=self.stream)
        except av.FFmpegError:
            self.container.seek(self.start, stream=self.stream)

    def frames(self) -> Iterator[Frame]:
        """From where it stands to the end; packets that cannot be decoded, and frames whose time
        does not rise, are noted in `lost` and passed over.

        Raises:
            DegcraftError: a frame without a time, or colours of a kind that is not known.
        """
        before: int | None = None
        for frame in self._whole():
            assert frame.pts is not None
            assert frame.time_base is not None
            # The filter counts in halves of the file's unit.
            pts = round(frame.pts * frame.time_base / self.time_base)
            if before is not None and pts <= before:
                self.lost.append(float(pts * self.time_base))
                continue
            before = pts
            self.turned = round(frame.rotation / 90) % 2 == 1
            yield Frame(pts, frame.is_corrupt, frame, self)

    def _whole(self) -> Iterator[av.VideoFrame]:
        graph = None
        for decoded in self._decoded():
            if decoded.pts is None:
                raise DegcraftError(f"{self.path}: every frame must have a time, but one has none; remux it into .mkv")
            self.interlaced |= decoded.interlaced_frame
            decoded.time_base = self.time_base
            if graph is None:
                graph = self._deinterlacer(decoded)
            graph.vpush(decoded)
            yield from _pulled(graph)
        if graph is not None:
            graph.vpush(None)
            yield from _pulled(graph)

    def _decoded(self) -> Iterator[av.VideoFrame]:
        packets = self.container.demux(self.stream)
        at = self.start
        while True:
            try:
                packet = next(packets, None)
                if packet is None:
                    return
                at = packet.pts if packet.pts is not None else at
                yield from packet.decode()
            except (av.InvalidDataError, av.error.UnknownError):
                self.lost.append(float(at * self.time_base))

    def _deinterlacer(self, like: av.VideoFrame) -> av.filter.Graph:
        graph = av.filter.Graph()
        source = graph.add_buffer(width=like.width, height=like.height, format=like.format, time_base=self.time_base)
        graph.link_nodes(source, graph.add("bwdif", "mode=send_frame:deint=interlaced"), graph.add("buffersink"))
        graph.configure()
        return graph


def _pulled(graph: av.filter.Graph) -> Iterator[av.VideoFrame]:
    while True:
        try:
            yield graph.vpull()
        except (av.BlockingIOError, av.EOFError):
            return


@contextmanager
def open_video(path: str | Path) -> Iterator[Video]:
    """Open a video for reading.

    Raises:
        DegcraftError: the file cannot be opened, is no video, or holds no video stream that can be decoded.
    """
    path = Path(path).expanduser()
    try:
        container = av.open(str(path), metadata_errors="replace")
    except (av.FFmpegError, OSError) as error:
        raise DegcraftError(f"{path}: cannot be opened as a video ({reason(error)})") from None
    with container:
        if not any(map(_moves, container.streams.video)):
            others = ", ".join(stream.type for stream in container.streams) or "nothing"
            raise DegcraftError(f"{path}: must have a video stream, but holds {others} alone")
        video = Video(path, container)
        if video.stream.codec_context is None:
            raise DegcraftError(f"{path}: its video is of a codec that FFmpeg cannot decode here")
        yield video


def _moves(stream: av.VideoStream) -> bool:
    """Whether it is no cover of an album."""
    return not stream.disposition & Disposition.attached_pic


def reason(error: Any) -> str:
    """What FFmpeg says, without the file's name."""
    return str(getattr(error, "strerror", None) or error)

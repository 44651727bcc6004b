"""Frames of compressed video: a key frame of H.264 or MPEG-2, by FFmpeg's encoders on the CPU."""

from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from degcraft.degradation.file_formats import RoundTrip, through_files
from degcraft.degradation.operator import Values
from degcraft.errors import DegcraftError


def _h264(quantiser: int) -> tuple[str, str, dict[str, str]]:
    """Encoder, decoder and options. Without ipratio=1 a key frame is quantised more finely than was asked."""
    exactly = f"qp={quantiser}:ipratio=1:keyint=1:threads=1:log=-1"
    return "libx264", "h264", {"x264-params": exactly, "preset": "veryfast", "tune": "zerolatency"}


def _mpeg2(quantiser: int) -> tuple[str, str, dict[str, str]]:
    limits = {"qmin": str(quantiser), "qmax": str(quantiser)}
    return "mpeg2video", "mpeg2video", {**limits, "flags": "+qscale", "global_quality": str(118 * quantiser), "g": "1"}


_CODECS = {"h264_quantiser": _h264, "mpeg2_quantiser": _mpeg2}


def _round_trip(name: str, image: NDArray[np.uint8], quantiser: int) -> NDArray[np.uint8]:
    """One frame, 4:2:0, its odd sides made even by repeating the last row or column."""
    try:
        import av
    except ImportError as error:
        raise DegcraftError(f"{name} needs PyAV: pip install av ({error})") from error
    height, width = image.shape[:2]
    even = np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(even), format="bgr24").reformat(format="yuv420p")
    frame.pts = 0
    encoder, decoder, options = _CODECS[name](quantiser)
    # What PyAV returns here is declared as the base of what it is.
    writer: Any = av.VideoCodecContext.create(encoder, "w")
    writer.width, writer.height, writer.pix_fmt = even.shape[1], even.shape[0], "yuv420p"
    writer.time_base, writer.framerate = Fraction(1, 25), Fraction(25)
    writer.thread_count, writer.options = 1, options
    reader: Any = av.VideoCodecContext.create(decoder, "r")
    reader.thread_count = 1
    packets = [*writer.encode(frame), *writer.encode(None)]
    frames = [found for packet in (*packets, None) for found in reader.decode(packet)]
    return np.asarray(frames[0].to_ndarray(format="bgr24")[:height, :width], dtype=np.uint8)


def _compressed(name: str, images: Tensor, values: Values) -> Tensor:
    quantiser = torch.floor(values[name] + 0.5)
    round_trip: RoundTrip = partial(_round_trip, name)
    return through_files(images, quantiser, quantiser > 0, round_trip)


def compress_h264(images: Tensor, values: Values, generator: torch.Generator) -> Tensor:
    """What is left of (B,3,h,w) images in a key frame of `h264_quantiser` (B,), rounded; 0 leaves one as it is."""
    return _compressed("h264_quantiser", images, values)


def compress_mpeg2(images: Tensor, values: Values, generator: torch.Generator) -> Tensor:
    """See `compress_h264`, by `mpeg2_quantiser`."""
    return _compressed("mpeg2_quantiser", images, values)

"""A video as a folder of images: frames drawn evenly, near-identical ones thinned."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from degcraft.cache import cache_folder
from degcraft.errors import DegcraftError
from degcraft.images.kept import is_whole_png
from degcraft.images.listing import LEFT_OUT
from degcraft.images.thumbnails import SAME_SCENE, thumbnail
from degcraft.images.video import SHORT, Frame, Video, open_video

DRAWN = 200
"""Frames looked at, spread evenly over the video."""
ALWAYS = 8
"""Of these, as many are kept, spread evenly, whatever they show: a single shot can still be split and compared."""

_NEAR = 5.0
"""Seconds up to which it is cheaper to decode on than to look for a key frame."""


def video_frames(path: str | Path, cache: Path | None = None) -> Path:
    """A folder with frames of a video, as PNG, made once and kept.

    `DRAWN` frames are drawn evenly. One whose thumbnail is that of a scene seen before (`SAME_SCENE`) is left out, save
    for `ALWAYS` of all. They are upright and whole, with 8 bits, and called by their time: `film.mp4#0012.40s.png`.
    What was left out stands in the folder, for `Listing.left_out`.

    Args:
        path: the file.
        cache: the folder that holds such folders; None is `frames` in degcraft's own.

    Raises:
        DegcraftError: the file is no video that can be read, does not say how long it is, or the folder cannot be
            written.
    """
    path = Path(path).expanduser().resolve()
    base = cache_folder("frames") if cache is None else cache
    seen = path.stat()
    known_by = f"{path}\n{seen.st_size} {seen.st_mtime_ns}\n{DRAWN} {ALWAYS} {SAME_SCENE}"
    folder = base / hashlib.sha256(known_by.encode(errors="surrogateescape")).hexdigest()[:20]
    if folder.is_dir() and all(is_whole_png(frame) for frame in folder.glob("*.png")):
        return folder
    try:
        shutil.rmtree(folder, ignore_errors=True)
        base.mkdir(parents=True, exist_ok=True)
        incoming = Path(tempfile.mkdtemp(prefix=".incoming-", dir=base))
        try:
            with open_video(path) as video:
                _write_frames(video, incoming)
            if not folder.is_dir():  # another process may have been as quick
                os.replace(incoming, folder)
        finally:
            shutil.rmtree(incoming, ignore_errors=True)
    except OSError as error:
        raise DegcraftError(f"{path}: its frames cannot be kept in {base} ({error.strerror or error})") from error
    return folder


def drawn_frames(video: Video, count: int) -> Iterator[Frame]:
    """At most `count` frames of a video, the first in each of as many equal spans; no damaged ones.

    Raises:
        DegcraftError: the video does not say how long it is.
    """
    if not video.seconds:
        raise DegcraftError(f"{video.path}: must say how long it is, but does not; remux it (ffmpeg -i … -c copy)")
    length = video.seconds / float(video.time_base)
    at, frames = video.start - 1, video.frames()
    for share in np.arange(count) / count:
        wanted = video.start + round(float(share) * length)
        if wanted <= at:
            continue
        if (wanted - at) * video.time_base > _NEAR:
            video.seek(wanted)
            frames = video.frames()
        found = next((frame for frame in frames if frame.pts >= wanted and not frame.damaged), None)
        if found is not None:
            at = found.pts
            yield found


def _write_frames(video: Video, folder: Path) -> None:
    digits = len(f"{video.seconds or 0:.2f}")
    thumbnails: list[np.ndarray] = []
    alike, seconds, widest = 0, 0.0, 0.0
    for index, frame in enumerate(drawn_frames(video, DRAWN)):
        before, seconds = seconds, float((frame.pts - video.start) * video.time_base)
        widest = max(widest, seconds - before)
        picture = Image.fromarray(frame.rgb8())
        small = thumbnail(picture)
        if index % (DRAWN // ALWAYS) and max(float(small @ other) for other in thumbnails) >= SAME_SCENE:
            alike += 1
            continue
        thumbnails.append(small)
        picture.save(folder / f"{video.path.name}#{seconds:0{digits}.2f}s.png", compress_level=1)
    if not thumbnails:
        raise DegcraftError(f"{video.path}: must have a frame that can be decoded, but has none")
    notes = [f"{alike} of {len(thumbnails) + alike} frames drawn evenly look like others and are left out"] * bool(
        alike
    )
    if video.interlaced:
        notes.append("its fields were joined to whole frames (bwdif)")
    if video.lost:
        notes.append(f"damaged near {', '.join(f'{seconds:.1f} s' for seconds in video.lost[:5])}")
    # The length of the whole file may be its sound's.
    own = video.stream.duration is not None or len(video.container.streams) == 1
    if own and video.seconds and video.seconds - seconds > SHORT + 2 * widest:
        notes.append(f"nothing could be read after {seconds:.1f} s of {video.seconds:.1f} s")
    (folder / LEFT_OUT).write_text("".join(f"{note}\n" for note in notes), encoding="utf-8")

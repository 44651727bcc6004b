"""Restoring a video: frame by frame, in parts that are kept, so that a kill costs at most one part."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from degcraft.errors import DegcraftError
from degcraft.images.atomic import written_whole
from degcraft.images.video import SHORT, Video, open_video
from degcraft.images.video_writing import VideoFormat, VideoPart, check_video_target, join_parts, write_part
from degcraft.networks.digest import weights_digest
from degcraft.networks.tiling import upscale

PART = 50
"""Frames of a part."""
_MADE_OF = "made_of.json"


@dataclass(frozen=True)
class RestoredVideo:
    """What became of a video."""

    frames: int
    resumed: int
    """Of these, frames that an earlier run had restored."""
    anew: tuple[Path, ...]
    """Parts of an earlier run that were damaged, and restored anew."""
    damage: tuple[str, ...]
    """What the source lacks, as clauses; nothing where it is whole."""
    interlaced: bool
    """Whether fields were joined to frames."""


def upscale_video(
    model: nn.Module,
    source: str | Path,
    target: str | Path,
    *,
    scale: int,
    into: VideoFormat,
    tile: int | None = None,
    overlap: int = 16,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> RestoredVideo:
    """Restore every frame of a video, and copy its sound.

    Frames keep their times, in the source's own unit where the kind of file can hold it (Matroska counts
    milliseconds). They come out upright and whole, with the source's colours and chroma and with 10 bits where it has
    more than 8; the shape of pixels is kept. `PART` frames at a time are written to a folder beside the target, called
    like it with `.parts` after it. A later call with the same arguments goes on after the parts there are. When all
    are there they are joined with the sound, chapters and tags, and the folder is removed. Subtitles are not copied.

    Args:
        model: takes (1,3,h,w) in [0,1] and gives (1,3,h·scale,w·scale); in use where its parameters lie.
        source: the video.
        target: the file to write; its suffix says of which kind.
        scale: the factor of the network.
        into: codec and quality.
        tile: as `upscale` takes it, like `overlap`.
        overwrite: replace the target, and parts of other arguments.
        progress: called with (frames done, frames in all, as far as the source says).

    Raises:
        DegcraftError: the source is no video that can be read, the target is there or cannot hold what it must, or
            the folder beside it has parts of another source, network, or other arguments.
    """
    source, target = Path(source).expanduser(), Path(target)
    if target.exists() and (not overwrite or target.samefile(source)):
        rule = "would replace the video that it is made from" if target.samefile(source) else "is there already"
        raise DegcraftError(f"{target}: {rule}; choose another --output{'' if overwrite else ' or add --overwrite'}")
    with open_video(source) as video:
        check_video_target(target, video, into)
        parts = target.with_name(f"{target.name}.parts")
        seen = source.stat()
        made_of = {
            "source": {"bytes": seen.st_size, "modified_ns": seen.st_mtime_ns},
            "network": weights_digest(model.state_dict()),
            "scale": scale, "tile": tile, "overlap": overlap, "part": PART, **asdict(into),
        }  # fmt: skip
        _claim(parts, made_of, overwrite)

        def restored(pixels: np.ndarray) -> np.ndarray:
            white = float(np.iinfo(pixels.dtype).max)
            lr = torch.from_numpy(pixels.astype(np.float32) / white).permute(2, 0, 1)
            sr: Tensor = upscale(model, lr, scale=scale, tile=tile, overlap=overlap)
            return np.asarray((sr * white).round().permute(1, 2, 0).numpy().astype(pixels.dtype))

        names, resumed, anew, guessed = _write_parts(video, parts, into, restored, progress)
        if not names:
            raise DegcraftError(f"{source}: must have a frame that can be decoded, but has none")
        join_parts(names, video, target)
        shutil.rmtree(parts)
        frames, last, damaged = guessed
        return RestoredVideo(frames, resumed, tuple(anew), tuple(_damage(video, last, damaged)), video.interlaced)


def _write_parts(
    video: Video,
    folder: Path,
    into: VideoFormat,
    restored: Callable[[np.ndarray], np.ndarray],
    progress: Callable[[int, int], None] | None,
) -> tuple[list[Path], int, list[Path], tuple[int, int, list[float]]]:
    """The parts' names, frames that were there, parts that were damaged, and of all frames: how many, the last one's
    time, which are damaged.
    """
    names: list[Path] = []
    anew: list[Path] = []
    count = resumed = last = 0
    damaged: list[float] = []
    total = _frames_in(video)
    with ExitStack() as stack:
        part: VideoPart | None = None
        for frame in video.frames():
            if count % PART == 0:
                stack.close()
                names.append(folder / f"{len(names):06}.nut")
                if names[-1].exists() and not _is_whole(names[-1]):
                    anew.append(names[-1])
                    names[-1].unlink()
                there = names[-1].exists()
                part = None if there else stack.enter_context(_sealed_part(names[-1], video, into))
            if part is None:
                resumed += 1
            else:
                part.add(restored(frame.pixels), frame.pts)
            count, last = count + 1, frame.pts
            if frame.damaged:
                damaged.append(float(frame.pts * video.time_base))
            if progress is not None:
                progress(count, max(total, count))
    return names, resumed, anew, (count, last, damaged)


@contextmanager
def _sealed_part(path: Path, video: Video, into: VideoFormat) -> Iterator[VideoPart]:
    """`write_part`, with a checksum beside it when it is whole."""
    with write_part(path, video, into) as part:
        yield part
    with written_whole(_seal(path)) as temporary:
        temporary.write_text(_digest(path), encoding="ascii")


def _is_whole(path: Path) -> bool:
    """Whether a part is what was written. NUT is read as far as it goes, whatever it lacks."""
    return _seal(path).is_file() and _seal(path).read_bytes() == _digest(path).encode()


def _seal(path: Path) -> Path:
    return path.with_suffix(".sha256")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _claim(folder: Path, made_of: dict[str, Any], overwrite: bool) -> None:
    """Make the folder of parts, or take the one that an earlier run left."""
    note = folder / _MADE_OF
    if folder.exists() and overwrite and not (note.is_file() and _read(note) == made_of):
        shutil.rmtree(folder)
    if folder.exists():
        before = _read(note) if note.is_file() else {}
        changed = [key for key in made_of if before.get(key) != made_of[key]]
        if changed:
            raise DegcraftError(
                f"{folder}: holds parts of a run with another {', '.join(changed)}; remove it, or add --overwrite"
            )
    else:
        with written_whole(note) as temporary:
            temporary.write_text(json.dumps(made_of, indent=1) + "\n", encoding="utf-8")


def _read(note: Path) -> dict[str, Any]:
    try:
        found = json.loads(note.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _frames_in(video: Video) -> int:
    """How many frames there are, as far as the file says."""
    rate = video.stream.average_rate
    return video.stream.frames or (round(video.seconds * rate) if video.seconds and rate else 0)


def _damage(video: Video, last: int, damaged: list[float]) -> list[str]:
    said = []
    for what, times in (("frames are missing", video.lost), ("frames are damaged", damaged)):
        if times:
            more = f" and {len(times) - 5} more" if len(times) > 5 else ""
            said.append(f"{what} near {', '.join(f'{one:.2f} s' for one in times[:5])}{more}")
    end = float((last - video.start) * video.time_base)
    if video.seconds and video.seconds - end > SHORT:
        said.append(f"it ends at {end:.1f} s, where it says {video.seconds:.1f} s")
    return said

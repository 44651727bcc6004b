"""A restored video has the source's frames, times, sound and shape, and goes on after a kill."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from torch import Tensor, nn

from degcraft.errors import DegcraftError
from degcraft.images import open_video
from degcraft.images.video_writing import VideoFormat
from degcraft.networks import video as restoring
from degcraft.networks.video import upscale_video
from tests.damage import DAMAGES
from tests.images.clips import picture, turn_clip, write_clip

H264 = VideoFormat("h264", 10)


class _KilledError(Exception):
    pass


class _Double(nn.Module):
    """Repeats every pixel, and fails after some frames."""

    def __init__(self, fails_after: int = 10**6) -> None:
        super().__init__()
        self.left = fails_after

    def forward(self, lr: Tensor) -> Tensor:
        self.left -= 1
        if self.left < 0:
            raise _KilledError
        return nn.functional.interpolate(lr, scale_factor=2)


def _sound(path: Path) -> list[tuple[float, bytes]]:
    """Packets, with their times after the first frame's: a Matroska file begins with what comes first."""
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux() if packet.pts is not None]
        first = next(one.pts * one.time_base for one in packets if one.stream.type == "video")
        return [(float(one.pts * one.time_base - first), bytes(one)) for one in packets if one.stream.type == "audio"]


@pytest.mark.parametrize(("codec", "kind"), [("h264", ".mp4"), ("hevc", ".mov"), ("ffv1", ".mkv")])
def test_frames_times_and_sound(tmp_path: Path, codec: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restoring, "PART", 7)
    times = np.cumsum([0, *np.random.default_rng(0).integers(200, 900, 19)]).tolist()
    clip, target = write_clip(tmp_path / "clip.mp4", times=times), tmp_path / f"restored{kind}"
    done = upscale_video(_Double(), clip, target, scale=2, into=VideoFormat(codec, 10))
    assert (done.frames, done.resumed, done.damage) == (20, 0, ())
    assert _sound(target) == [(pytest.approx(when, abs=0.0015), content) for when, content in _sound(clip)]
    with open_video(target) as video:
        frames = list(video.frames())
        seconds = [float((frame.pts - frames[0].pts) * video.time_base) for frame in frames]
        assert seconds == pytest.approx([one / 12800 for one in times], abs=0.0015 if kind == ".mkv" else 1e-9)
        for number in (0, 8, 19):
            large = picture(number).repeat(2, axis=0).repeat(2, axis=1)
            assert np.percentile(abs(frames[number].pixels.astype(int) - large), 80) <= 8
    assert list(tmp_path.glob("*.parts")) == []


def test_it_goes_on_after_a_kill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restoring, "PART", 6)
    clip = write_clip(tmp_path / "clip.mp4")
    upscale_video(_Double(), clip, tmp_path / "whole.mp4", scale=2, into=H264)
    with pytest.raises(_KilledError):
        upscale_video(_Double(fails_after=15), clip, tmp_path / "killed.mp4", scale=2, into=H264)
    assert not (tmp_path / "killed.mp4").exists()
    with pytest.raises(DegcraftError, match="holds parts of a run with another crf"):
        upscale_video(_Double(), clip, tmp_path / "killed.mp4", scale=2, into=VideoFormat("h264", 20))
    done = upscale_video(_Double(fails_after=8), clip, tmp_path / "killed.mp4", scale=2, into=H264)
    assert (done.frames, done.resumed) == (20, 12)
    with open_video(tmp_path / "whole.mp4") as one, open_video(tmp_path / "killed.mp4") as other:
        pairs = list(zip(one.frames(), other.frames(), strict=True))
        assert len(pairs) == 20
        for frame, again in pairs:
            assert frame.pts == again.pts
            assert np.array_equal(frame.pixels, again.pixels)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_part_is_restored_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str) -> None:
    monkeypatch.setattr(restoring, "PART", 6)
    clip, target = write_clip(tmp_path / "clip.mp4"), tmp_path / "killed.mp4"
    upscale_video(_Double(), clip, tmp_path / "whole.mp4", scale=2, into=H264)
    with pytest.raises(_KilledError):
        upscale_video(_Double(fails_after=15), clip, target, scale=2, into=H264)
    part = tmp_path / "killed.mp4.parts" / "000000.nut"
    part.write_bytes(DAMAGES[damage](part.read_bytes()))
    done = upscale_video(_Double(), clip, target, scale=2, into=H264)
    assert (done.frames, done.resumed, done.anew) == (20, 6, (part,))
    with open_video(tmp_path / "whole.mp4") as one, open_video(target) as other:
        for frame, again in zip(one.frames(), other.frames(), strict=True):
            assert np.array_equal(frame.pixels, again.pixels)


@pytest.mark.parametrize("damage", DAMAGES)
def test_parts_that_do_not_say_of_what_are_refused(tmp_path: Path, damage: str) -> None:
    clip, target = write_clip(tmp_path / "clip.mp4"), tmp_path / "killed.mp4"
    with pytest.raises(_KilledError):
        upscale_video(_Double(fails_after=2), clip, target, scale=2, into=H264)
    note = tmp_path / "killed.mp4.parts" / "made_of.json"
    note.write_bytes(DAMAGES[damage](note.read_bytes()))
    with pytest.raises(
        DegcraftError, match=r"parts: holds parts of a run with another .*remove it, or add --overwrite"
    ):
        upscale_video(_Double(), clip, target, scale=2, into=H264)
    assert upscale_video(_Double(), clip, target, scale=2, into=H264, overwrite=True).frames == 20


def test_times_rise_where_parts_meet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restoring, "PART", 3)
    clip = write_clip(tmp_path / "clip.mp4", times=[0, 9000, 9001, 9002, 20000, 20001, *range(20002, 20016)])
    upscale_video(_Double(), clip, tmp_path / "restored.mp4", scale=2, into=H264)
    with av.open(str(tmp_path / "restored.mp4")) as container:
        decoded = [packet.dts for packet in container.demux(video=0) if packet.dts is not None]
    assert len(decoded) == 20
    assert all(before < after for before, after in pairwise(decoded))


def test_depth_rotation_and_the_shape_of_pixels(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", pixel_format="yuv420p10le", options={"x264-params": "sar=16/15"})
    upscale_video(_Double(), turn_clip(clip), tmp_path / "restored.mp4", scale=2, into=H264)
    with open_video(tmp_path / "restored.mp4") as video:
        frame = next(iter(video.frames()))
        assert frame.pixels.shape == (2 * 96, 2 * 64, 3)
        assert frame.pixels.dtype == np.uint16
        assert video.stream.sample_aspect_ratio == Fraction(15, 16)
        assert not video.turned


def test_damage_is_told(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mkv", shots=[60], sound=None)
    content = clip.read_bytes()
    clip.write_bytes(content[: len(content) * 2 // 3])
    done = upscale_video(_Double(), clip, tmp_path / "restored.mkv", scale=2, into=H264)
    assert done.frames < 60
    assert any(clause.startswith("it ends at ") for clause in done.damage)


@pytest.mark.parametrize(
    ("name", "into", "message"),
    [
        ("restored.txt", H264, "must be named as a video"),
        ("restored.webm", H264, "which such a file cannot hold; name it .mkv"),
        ("clip.mp4", H264, "would replace the video that it is made from"),
    ],
)
def test_targets_that_cannot_be_are_refused_at_once(tmp_path: Path, name: str, into: VideoFormat, message: str) -> None:
    clip = write_clip(tmp_path / "clip.mp4")
    with pytest.raises(DegcraftError, match=message):
        upscale_video(_Double(fails_after=0), clip, tmp_path / name, scale=2, into=into)
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]

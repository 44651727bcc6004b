"""Videos as references: their frames, upright, whole, at their times, and few of those that look alike."""

import re
from pathlib import Path

import numpy as np
import pytest

from degcraft.errors import DegcraftError
from degcraft.images import list_images, local_folder, open_video, read_rgb8, video_frames
from degcraft.images.frames import ALWAYS
from tests.damage import DAMAGES
from tests.images.clips import picture, turn_clip, write_clip, write_sound


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuvj420p", "yuv444p", "yuv420p10le"])
def test_frames_have_the_colours_and_times_that_were_written(tmp_path: Path, pixel_format: str) -> None:
    with open_video(write_clip(tmp_path / "clip.mp4", pixel_format=pixel_format)) as video:
        frames = list(video.frames())
        assert [frame.pts for frame in frames] == [512 * number for number in range(20)]
        for number in (0, 7, 19):
            difference = frames[number].rgb8().astype(int) - picture(number)
            assert abs(difference.mean()) < 1.5
            assert np.percentile(abs(difference), 80) <= 6
        assert frames[0].pixels.dtype == (np.uint16 if "10" in pixel_format else np.uint8)


def test_frames_are_upright(tmp_path: Path) -> None:
    with open_video(turn_clip(write_clip(tmp_path / "clip.mp4"))) as video:
        frame = next(iter(video.frames()))
        assert np.percentile(abs(frame.rgb8().astype(int) - np.rot90(picture(0), -1)), 80) <= 6


def test_fields_are_joined(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", options={"x264-params": "tff=1", "flags": "+ildct+ilme"})
    with open_video(clip) as video:
        assert len(list(video.frames())) == 20
        assert video.interlaced
    assert (
        "its fields were joined to whole frames (bwdif)" in list_images(video_frames(clip, tmp_path / "c")).left_out()
    )


def test_a_video_is_a_folder_of_unlike_frames(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", shots=[40] * 5)
    folder = video_frames(clip, tmp_path / "cache")
    found = list_images(folder)
    shots = {int(read_rgb8(path)[:, 40:].mean() * 4) for path in found.images}
    assert len(shots) >= 5, "every shot is there"
    assert len(found.images) < 5 * ALWAYS + 20
    assert found.images[0].name == "clip.mp4#0.00s.png"
    said = f"{200 - len(found.images)} of 200 frames drawn evenly look like others and are left out"
    assert found.left_out() == [said]
    assert video_frames(clip, tmp_path / "cache") == folder, "made once"


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_frames_are_drawn_anew(tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture) -> None:
    clip = write_clip(tmp_path / "clip.mp4")
    folder = video_frames(clip, tmp_path / "cache")
    frames = {frame.name: frame.read_bytes() for frame in folder.iterdir()}
    spoilt = next(folder.glob("*.png"))
    spoilt.write_bytes(DAMAGES[damage](spoilt.read_bytes()))
    assert video_frames(clip, tmp_path / "cache") == folder
    assert caplog.messages == [f"{spoilt}: is damaged; made anew"]
    assert {frame.name: frame.read_bytes() for frame in folder.iterdir()} == frames


def test_a_single_shot_still_gives_some_frames(tmp_path: Path) -> None:
    images = list_images(video_frames(write_clip(tmp_path / "clip.mp4", shots=[120]), tmp_path / "cache")).images
    assert len(images) >= 4


def test_a_video_stands_where_a_folder_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEGCRAFT_CACHE", str(tmp_path / "cache"))
    assert list_images(local_folder(str(write_clip(tmp_path / "clip.mkv")))).images


def test_what_is_damaged_is_passed_over_and_told(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mkv", shots=[60], sound=None, options={"g": "10"})
    content = bytearray(clip.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 400] = np.random.default_rng(0).bytes(400)
    clip.write_bytes(content)
    with open_video(clip) as video:
        frames = list(video.frames())
        assert 30 < len(frames) <= 60
        assert video.lost or any(frame.damaged for frame in frames) or len(frames) < 60


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [("noise.mp4", b"no video at all" * 99, "cannot be opened as a video"), ("empty.mkv", b"", "cannot be opened")],
)
def test_what_is_no_video_is_refused(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DegcraftError, match=message):
        video_frames(tmp_path / name, tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir()), "nothing is left behind"


def test_sound_alone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DegcraftError, match="must have a video stream, but holds audio alone"):
        video_frames(write_sound(tmp_path / "song.mp4"), tmp_path / "cache")


def test_frames_begin_with_the_first_and_an_early_end_is_said(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "one.mp4", shots=[1])
    (image,) = list_images(video_frames(clip, tmp_path / "cache")).images
    assert image.name == "one.mp4#0.00s.png"
    whole = write_clip(tmp_path / "whole.mkv", shots=[100], options={"g": "10"}, sound=None)
    assert not any("could be read" in one for one in list_images(video_frames(whole, tmp_path / "cache")).before)
    times = [12800 * 5 * number for number in range(12)]
    slides = write_clip(tmp_path / "slides.mkv", shots=[1] * 12, times=times, sound=None)
    shown = list_images(video_frames(slides, tmp_path / "cache"))
    assert [image.name for image in shown.images] == [f"slides.mkv#{5 * number:02d}.00s.png" for number in range(12)]
    assert not shown.before
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    (note,) = (one for one in list_images(video_frames(cut, tmp_path / "cache")).before if "could be read" in one)
    assert re.fullmatch(r"nothing could be read after [12]\.\d s of 4\.0 s", note)

"""`degcraft upscale` of a video, as a user types it."""

from pathlib import Path

import pytest

from degcraft.cli import main
from tests.images.clips import write_clip, write_sound


def test_a_video_becomes_a_video(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = write_clip(tmp_path / "clip.mp4", shots=(3,))
    command = ["upscale", "start:x2", str(clip), "-o", str(tmp_path / "restored"), "--crf", "20", "--device", "cpu"]
    assert main(command) == 0
    assert f"wrote {tmp_path / 'restored' / 'clip.mp4'}: 3 frames; " in capsys.readouterr().out
    assert main(command) == 2
    assert "is there already; choose another --output or add --overwrite" in capsys.readouterr().err
    assert main([*command, "--skip-existing"]) == 0


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["clip.mp4", "song.mp4", "-o", "out"], "a video is restored by itself, but there are 2 inputs"),
        (["clip.mp4", "-o", "out.mp4", "--format", "png"], "--format: is of images"),
        (["clip.mp4", "-o", "out.mp4", "--crf", "99"], "crf must be from 0 to 51, but got 99"),
        (["photo.png", "-o", "out", "--crf", "99"], "crf must be from 0 to 51, but got 99"),
        (["song.mp4", "-o", "out.mp4"], "must have a video stream, but holds audio alone"),
    ],
)
def test_what_cannot_be_is_said_in_a_line(
    more: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_clip(tmp_path / "clip.mp4", shots=(2,))
    write_sound(tmp_path / "song.mp4")
    assert main(["upscale", "start:x2", *more]) == 2
    printed = capsys.readouterr().err
    assert message in printed
    assert printed.count("\n") == 1


def test_the_help_names_every_codec() -> None:
    from degcraft.cli._upscale_video import CODECS
    from degcraft.images.video_writing import VIDEO_CODECS

    assert tuple(VIDEO_CODECS) == CODECS

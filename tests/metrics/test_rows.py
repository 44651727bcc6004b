"""Tables of scores: means over the same good images in every row, whatever one pair or one network does."""

import json
import math

import pytest
import torch

from degcraft.errors import DegcraftError
from degcraft.metrics import ImageScore, ScoreTable, paired_difference, psnr, score_image
from degcraft.metrics.rows import EXACT, FLAT, NOT_FINITE

RANDOM = torch.Generator().manual_seed(0)
HR = torch.rand(3, 40, 44, generator=RANDOM).mul(255).round() / 255
SR = (HR + 0.1 * torch.randn(HR.shape, generator=RANDOM)).clamp(0, 1)
METRICS = ("psnr", "ssim")


def scored(sr: torch.Tensor, hr: torch.Tensor = HR, name: str = "a", border: int = 0) -> ImageScore:
    return score_image(name, METRICS, sr, hr, border=border)


def row(*psnrs: float | None, fault: str = "image") -> list[ImageScore]:
    """Images a, b, c … with these scores; None for one with a fault."""
    return [
        ImageScore(name, {}, fault, "spoilt")  # type: ignore[arg-type]
        if score is None
        else ImageScore(name, {"psnr": score})
        for name, score in zip("abcdef", psnrs, strict=False)
    ]


def test_a_good_image_is_scored_as_a_file_would_hold_it() -> None:
    score = scored(SR, border=2)
    rounded = SR.mul(255).round() / 255
    assert score.scores["psnr"] == pytest.approx(psnr(rounded, HR, border=2), abs=1e-9)
    assert (score.image, score.fault, score.reason) == ("a", None, "")


def test_a_blank_page_is_a_fault_of_the_image_whatever_the_network_gives() -> None:
    blank = torch.ones_like(HR)
    for sr in (blank, SR, torch.full_like(HR, math.nan)):
        score = scored(sr, blank)
        assert (score.fault, score.reason) == ("image", FLAT)
        assert all(math.isfinite(value) for value in score.scores.values())
    framed = blank.clone()
    framed[:, :2] = 0
    assert scored(SR, framed, border=2).fault == "image"
    assert scored(SR, framed).fault is None


def test_an_exact_reproduction_is_a_fault_of_the_image() -> None:
    score = scored(HR)
    assert (score.fault, score.reason) == ("image", EXACT)
    assert score.scores == {"ssim": pytest.approx(1)}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_values_that_are_not_finite_are_a_fault_of_the_network(value: float) -> None:
    sr = SR.clone()
    sr[0, 3, 5] = value
    assert scored(sr) == ImageScore("a", {}, "network", NOT_FINITE)


def test_what_cannot_be_scored_is_named() -> None:
    with pytest.raises(DegcraftError, match="beach: images to compare must keep at least 11 pixels"):
        scored(SR, name="beach", border=18)


def test_means_are_over_the_images_that_count_in_every_row() -> None:
    table = ScoreTable({"bicubic": row(20, 22, 24), "ours": row(21, None, 26)})
    assert table.means() == {"bicubic": {"psnr": 22.0}, "ours": {"psnr": 23.5}}
    assert table.left_out == {"b": "spoilt"}
    assert table.counted("psnr") == ("a", "c")
    assert table.scores("bicubic", "psnr") == [20, None, 24]
    assert table.difference("ours", "bicubic", "psnr") == paired_difference([21, None, 26], [20, None, 24])
    assert table.notes() == ["left out: b, spoilt"]


def test_a_failed_row_takes_no_image_from_the_others() -> None:
    table = ScoreTable({"good": row(20, 22), "broken": row(30, None, fault="network")})
    assert table.means() == {"good": {"psnr": 21.0}, "broken": {}}
    assert table.failed == {"broken": "spoilt on b"}
    assert table.left_out == {}
    found = table.difference("broken", "good", "psnr")
    assert (found.n, found.is_tie) == (0, True)
    assert table.notes() == ["broken: failed, spoilt on b"]
    assert "spoilt on a and 1 more of 2" in ScoreTable({"x": row(None, None, fault="network")}).failed["x"]


def test_a_mean_is_finite_as_long_as_one_good_image_is_left() -> None:
    images = {"blank": torch.zeros_like(HR), "copied": HR, "good": HR}
    outputs = {
        "copies": {"blank": torch.zeros_like(HR), "copied": HR, "good": SR},
        "breaks on blank": {"blank": torch.full_like(HR, math.nan), "copied": SR, "good": SR},
    }
    table = ScoreTable(
        {name: [scored(own[image], hr, image) for image, hr in images.items()] for name, own in outputs.items()}
    )
    assert table.left_out == {"blank": FLAT, "copied": EXACT}
    assert table.failed == {}
    for means in table.means().values():
        assert means["psnr"] == pytest.approx(psnr(SR.mul(255).round() / 255, HR))


def test_without_any_good_image_there_is_no_mean() -> None:
    table = ScoreTable({"ours": row(None, None)})
    assert table.means() == {"ours": {}}
    assert list(table.left_out) == ["a", "b"]


def test_a_metric_that_one_image_lacks_leaves_the_others_alone() -> None:
    rows = [ImageScore("a", {"psnr": 20, "niqe": 4}), ImageScore("b", {"psnr": 22})]
    table = ScoreTable({"x": rows, "y": [ImageScore("a", {"psnr": 21, "niqe": 5}), ImageScore("b", {"psnr": 23})]})
    assert table.means()["x"] == {"psnr": 21.0, "niqe": 4.0}
    assert table.counted("niqe") == ("a",)
    assert table.notes() == ["niqe: has no value for b"]
    third = [ImageScore("a", {"niqe": 3}), ImageScore("b", {"niqe": 3})]
    wider = ScoreTable({**table.rows, "z": third})
    assert wider.means()["z"] == {"niqe": 3.0}
    assert wider.difference("x", "y", "niqe").mean == pytest.approx(1)  # lower is better


def test_a_table_comes_back_from_json() -> None:
    table = ScoreTable({"x": [scored(SR), scored(HR, name="b")], "y": [scored(HR), scored(SR * math.nan, name="b")]})
    text = json.dumps(table.to_json(), allow_nan=False)
    again = ScoreTable.from_json(json.loads(text))
    assert again.to_json() == table.to_json()
    assert again.means() == table.means()
    assert again.failed == table.failed == {"y": f"{NOT_FINITE} on b"}


def test_bad_tables_are_refused() -> None:
    with pytest.raises(DegcraftError, match="at least one row"):
        ScoreTable({})
    with pytest.raises(DegcraftError, match="row 'y': must be of the same images as 'x'"):
        ScoreTable({"x": row(1, 2), "y": row(1)})
    with pytest.raises(DegcraftError, match="the row must be one of x, but is 'z'"):
        ScoreTable({"x": row(1)}).scores("z", "psnr")
    for values in ({"image": "a"}, {"image": "a", "scores": {"psnr": "high"}, "fault": None, "reason": ""},
                   {"image": "a", "scores": {}, "fault": "weather", "reason": ""}):  # fmt: skip
        with pytest.raises(DegcraftError, match="must have image, scores, fault and reason"):
            ScoreTable.from_json({"x": [values]})

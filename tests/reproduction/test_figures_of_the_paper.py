"""The paper's own numbers, and what they say."""

import pytest

from degcraft.reproduction.paper import reported, reported_share

SETTINGS = (1, 2, 3, 4)


def test_rows_are_read_whole() -> None:
    assert reported("srresnet", "baseline", 1) == {"psnr": 28.14, "ssim": 0.7368, "lpips": 0.3370}
    assert reported("srresnet", "alexnet", 4) == {"psnr": 25.21, "ssim": 0.6158, "lpips": 0.4871}
    assert reported("compact", "Upper bound", 3) == {"psnr": 27.97, "ssim": 0.7067, "lpips": 0.4002}
    assert reported("rrdbnet", "vgg19-conv5_4", 2) == {"psnr": 27.73, "ssim": 0.7141, "lpips": 0.3640}
    assert reported("rrdbnet", "Real-ESRNet", 1) == {"psnr": 27.75, "ssim": 0.7316, "lpips": 0.3410}
    assert reported("srresnet", "Real-ESRNet-Dropout", 1) == {"psnr": 26.94, "ssim": 0.7123, "lpips": 0.3783}
    assert reported("srresnet", "degnet", 1) is None
    assert reported("rrdbnet", "alexnet-random", 1) is None


def test_every_row_is_of_four_settings_in_the_order_of_their_difficulty() -> None:
    for network in ("srresnet", "rrdbnet"):
        for row in ("baseline", "vgg19-conv2_2", "dasr", "alexnet-minc", "Upper bound", "PDM-SR", "BSRNet"):
            found = [reported(network, row, setting) for setting in SETTINGS]
            assert all(one is not None and 20 < one["psnr"] < 30 and 0.5 < one["ssim"] < 1 for one in found)
            assert found[0]["psnr"] == max(one["psnr"] for one in found if one)  # type: ignore[index]


def test_the_shares_of_the_gap_are_the_papers() -> None:
    extractors = ("vgg19-conv2_2", "vgg19-conv5_4", "dasr", "alexnet", "alexnet-minc", "alexnet-random")
    best = [max(reported_share("srresnet", one, setting, "psnr") or 0 for one in extractors) for setting in SETTINGS]
    assert [round(100 * one) for one in best] == [103, 100, 105, 80]
    alexnet = [reported_share("srresnet", "alexnet", setting, "psnr") for setting in SETTINGS]
    assert [round(100 * one) for one in alexnet if one is not None] == [96, 95, 82, -52]
    assert reported_share("srresnet", "degnet", 1, "psnr") is None
    assert reported_share("srresnet", "dasr", 1, "lpips") == pytest.approx((0.3147 - 0.3370) / (0.3099 - 0.3370))

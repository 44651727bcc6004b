"""What the paper reports in its Table 2 (arXiv 2305.18107): PSNR, SSIM and LPIPS of every row under four settings."""

from collections.abc import Mapping

Scores = Mapping[str, float]
"""`psnr`, `ssim`, `lpips`."""

_BASELINE, _UPPER = "baseline", "Upper bound"

_ANY_NETWORK = """
PDM-SR              26.96 0.7071 0.3249 24.93 0.6208 0.4251 25.78 0.6433 0.4033 23.47 0.5576 0.4808
BSRNet              27.88 0.7252 0.3431 26.80 0.6908 0.3964 27.48 0.6968 0.3987 25.01 0.6269 0.4916
Real-ESRNet         27.75 0.7316 0.3410 26.75 0.6955 0.3896 27.44 0.6986 0.3994 25.36 0.6309 0.4916
Real-ESRNet-Dropout 26.94 0.7123 0.3783 26.40 0.6777 0.4125 26.88 0.6879 0.4207 24.84 0.6109 0.5040
"""
"""Rows of networks of their own, the same beside both."""

_TABLE = {
    "srresnet": """
baseline        28.14 0.7368 0.3370 27.01 0.6950 0.3873 27.53 0.6980 0.4067 25.34 0.6276 0.4992
vgg19-conv2_2   28.85 0.7508 0.3173 27.32 0.7021 0.3861 27.77 0.7039 0.4011 25.50 0.6315 0.4952
vgg19-conv5_4   28.82 0.7492 0.3192 27.36 0.7034 0.3824 27.73 0.7037 0.4005 25.43 0.6310 0.4950
dasr            28.88 0.7518 0.3147 27.27 0.7007 0.3866 27.79 0.7041 0.4005 25.48 0.6307 0.4962
alexnet         28.83 0.7511 0.3166 27.42 0.7040 0.3836 27.89 0.7054 0.4002 25.21 0.6158 0.4871
alexnet-minc    28.85 0.7502 0.3193 27.44 0.7042 0.3815 27.99 0.7051 0.4048 25.53 0.6314 0.4959
alexnet-random  28.77 0.7467 0.3256 27.44 0.7042 0.3815 27.85 0.7044 0.4020 25.54 0.6316 0.4957
Upper bound     28.86 0.7529 0.3099 27.44 0.7054 0.3792 27.97 0.7067 0.4002 25.59 0.6321 0.4975
"""
    + _ANY_NETWORK,
    "rrdbnet": """
baseline        28.70 0.7532 0.3035 27.45 0.7090 0.3648 27.91 0.7096 0.3875 25.63 0.6358 0.4881
vgg19-conv2_2   29.18 0.7615 0.2970 27.66 0.7128 0.3658 28.07 0.7123 0.3863 25.74 0.6381 0.4826
vgg19-conv5_4   29.16 0.7610 0.2973 27.73 0.7141 0.3640 28.07 0.7126 0.3856 25.68 0.6375 0.4824
dasr            29.18 0.7621 0.2957 27.65 0.7125 0.3663 28.08 0.7123 0.3861 25.73 0.6377 0.4832
alexnet         29.16 0.7614 0.2963 27.77 0.7142 0.3649 28.17 0.7132 0.3862 25.76 0.6378 0.4834
alexnet-minc    29.18 0.7613 0.2978 27.77 0.7142 0.3645 28.24 0.7133 0.3891 25.79 0.6381 0.4838
Upper bound     29.15 0.7607 0.2979 27.75 0.7135 0.3680 28.23 0.7135 0.3888 25.84 0.6384 0.4892
"""
    + _ANY_NETWORK,
}
_METRICS = ("psnr", "ssim", "lpips")


def reported(network: str, row: str, setting: int) -> Scores | None:
    """The paper's scores of one of its rows under a setting, 1 to 4; None where it has no such row.

    Args:
        network: `rrdbnet`; any other is put beside the paper's SRResNet.
        row: `baseline`, `Upper bound`, the name of an extractor (equation 4 on its features), or of a method.
        setting: Of Table 1.
    """
    table = _TABLE.get(network, _TABLE["srresnet"])
    for line in table.splitlines():
        if line.startswith(f"{row} "):
            numbers = line.removeprefix(row).split()
            first = 3 * (setting - 1)
            return dict(zip(_METRICS, map(float, numbers[first : first + 3]), strict=True))
    return None


def reported_share(network: str, row: str, setting: int, metric: str) -> float | None:
    """The share of the gap from the paper's baseline to its upper bound that one of its rows closed."""
    own, low, high = (reported(network, name, setting) for name in (row, _BASELINE, _UPPER))
    if own is None or low is None or high is None or metric not in own:
        return None
    return (own[metric] - low[metric]) / (high[metric] - low[metric])

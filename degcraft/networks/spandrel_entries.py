"""spandrel's image-to-image architectures as data: what each is called here, and where it differs from the rest.

The hyperparameters are the keywords of spandrel's class with its defaults; only what must be otherwise stands here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from spandrel import SizeRequirements
from spandrel import architectures as arch
from torch import nn

_POWERS = (1, 2, 4, 8)
_USUAL = (1, 2, 3, 4, 8)


@dataclass(frozen=True)
class Entry:
    """How an architecture of spandrel is built and recognised."""

    architecture: Any
    """spandrel's `Architecture`, which recognises state dicts."""

    network: type[nn.Module] | Mapping[int, type[nn.Module]]
    """The class, or one for each scale."""

    description: str
    """One line for a person who chooses."""

    scales: tuple[int, ...] = _USUAL
    """The factors it can be built for."""

    scale_keyword: str | None = None
    """Which keyword of the class says the scale; None: it has none."""

    multiplied_by: str | None = None
    """A hyperparameter by which that keyword is multiplied: pixels are folded into channels first."""

    names: Mapping[str, str] = field(default_factory=dict)
    """Keywords that have another name here."""

    defaults: Mapping[str, Any] = field(default_factory=dict)
    """Where the class's own defaults are missing, do not enlarge, or are not what its files are read with."""

    fixed: Mapping[str, Any] = field(default_factory=dict)
    """Keywords that follow from RGB images, beyond the usual names of channel counts."""

    adapt: Callable[[dict[str, Any]], dict[str, Any]] = lambda keywords: keywords
    """The last word on the keywords."""

    publish: Callable[[Any, dict[str, Any]], dict[str, Any]] = lambda state, keywords: state
    """Gives a state dict the names that files have, where the class has others; with the keywords of the class."""

    sizes: Callable[[SizeRequirements, dict[str, Any]], SizeRequirements] = lambda sizes, keywords: sizes
    """Corrects the sizes that spandrel's loader says it takes; with the keywords of the class."""

    one_by_one: bool = False
    """It takes batches of one image only."""

    no_graph: str = ""
    """Why it cannot be exported for every size (tried, or not done after minutes for a tiny one); empty if it can."""


_SIZES_FROZEN = "its padding or windows follow the size of the image, and the exporter freezes the size it has seen"

_pixelshuffle = {"upsampler": "pixelshuffle"}
_windows_of_8 = {"window_size": 8, "upsampler": "pixelshuffle"}


def _swinir_names(state: dict[str, Any], keywords: dict[str, Any]) -> dict[str, Any]:
    """Files of a SwinIR that folds pixels into channels call its first convolution by another name."""
    if keywords["start_unshuffle"] == 1:
        return state
    return {key.replace("conv_first.", "conv_first.1.", 1): value for key, value in state.items()}


def _swinir_sizes(sizes: SizeRequirements, keywords: dict[str, Any]) -> SizeRequirements:
    """It folds after having seen to it that windows fit, so that they must fit the folded image."""
    fold = keywords["start_unshuffle"]
    return sizes if fold == 1 else SizeRequirements(sizes.minimum, keywords["window_size"] * fold)


def _ipt_scale(keywords: dict[str, Any]) -> dict[str, Any]:
    """IPT takes a list of scales, one tail for each, of which the largest is used."""
    return keywords | {"scale": keywords["tails"] or [keywords["scale"]]}


def _dncnn_channels(keywords: dict[str, Any]) -> dict[str, Any]:
    """FDnCNN sees the noise level as a fourth channel."""
    return keywords | {"in_nc": 4 if keywords["mode"] == "FDnCNN" else 3}


ENTRIES: dict[str, Entry] = {
    "compact": Entry(
        arch.Compact.CompactArch(),
        arch.Compact.Compact,
        "Compact (Real-ESRGAN's SRVGGNetCompact): fast, all work at the size of the input",
        scale_keyword="upscale",
        names={"num_feat": "channels", "num_conv": "convs"},
    ),
    "span": Entry(
        arch.SPAN.SPANArch(),
        arch.SPAN.SPAN,
        "SPAN: fast, attention without parameters, trained with branches that are fused for use",
        scale_keyword="upscale",
        names={"feature_channels": "channels"},
    ),
    "realcugan": Entry(
        arch.RealCUGAN.RealCUGANArch(),
        {2: arch.RealCUGAN.UpCunet2x, 3: arch.RealCUGAN.UpCunet3x, 4: arch.RealCUGAN.UpCunet4x},
        "Real-CUGAN: two U-Nets in a row, for drawings",
        scales=(2, 3, 4),
        no_graph=_SIZES_FROZEN,
    ),
    "realcugan-fast": Entry(
        arch.RealCUGAN.RealCUGANArch(),
        arch.RealCUGAN.UpCunet2x_fast,
        "Real-CUGAN x2 on folded pixels: four times as fast",
        scales=(2,),
    ),
    "swiftsrgan": Entry(
        arch.SwiftSRGAN.SwiftSRGANArch(),
        arch.SwiftSRGAN.SwiftSRGAN,
        "Swift-SRGAN: depthwise convolutions with batch norm",
        scales=_POWERS[1:],
        scale_keyword="upscale_factor",
    ),
    "rcan": Entry(arch.RCAN.RCANArch(), arch.RCAN.RCAN, "RCAN: very deep, channel attention", scale_keyword="scale"),
    "safmn": Entry(
        arch.SAFMN.SAFMNArch(),
        arch.SAFMN.SAFMN,
        "SAFMN: small, attention over features of several sizes",
        scale_keyword="upscaling_factor",
        defaults={"dim": 36},
        no_graph=_SIZES_FROZEN,
    ),
    "safmnbcie": Entry(
        arch.SAFMNBCIE.SAFMNBCIEArch(),
        arch.SAFMNBCIE.SAFMNBCIE,
        "SAFMN BCIE: removes compression, keeps the size",
        scales=(1,),
        defaults={"dim": 48},
        no_graph=_SIZES_FROZEN,
    ),
    "ditn": Entry(
        arch.DITN.DITNArch(), arch.DITN.DITN, "DITN: a transformer for quick deployment", scale_keyword="upscale"
    ),
    "seemore": Entry(
        arch.SeemoRe.SeemoReArch(),
        arch.SeemoRe.SeemoRe,
        "SeemoRe: a mixture of experts",
        scale_keyword="scale",
        one_by_one=True,
        no_graph="which of its experts work follows the image",
    ),
    "plksr": Entry(arch.PLKSR.PLKSRArch(), arch.PLKSR.PLKSR, "PLKSR: large kernels", scale_keyword="upscaling_factor"),
    "realplksr": Entry(
        arch.PLKSR.PLKSRArch(),
        arch.PLKSR.RealPLKSR,
        "RealPLKSR: PLKSR for degraded images",
        scale_keyword="upscaling_factor",
    ),
    "mosr": Entry(arch.MoSR.MoSRArch(), arch.MoSR.MoSR, "MoSR: gated convolutions", scale_keyword="upscale"),
    "moesr": Entry(
        arch.MoESR.MoESRArch(),
        arch.MoESR.MoESR,
        "MoESR: gated convolutions in groups",
        scale_keyword="scale",
        no_graph=_SIZES_FROZEN,
    ),
    "omnisr": Entry(
        arch.OmniSR.OmniSRArch(),
        arch.OmniSR.OmniSR,
        "OmniSR: light transformer, attention over space and channels",
        scale_keyword="up_scale",
        no_graph=_SIZES_FROZEN,
    ),
    "dctlsa": Entry(
        arch.DCTLSA.DCTLSAArch(),
        arch.DCTLSA.DCTLSA,
        "DCTLSA: light transformer with dense connections",
        scale_keyword="upscale",
        fixed={"num_modules": 6},  # its forward pass joins the outputs of six,
        no_graph=_SIZES_FROZEN,
    ),
    "craft": Entry(
        arch.CRAFT.CRAFTArch(),
        arch.CRAFT.CRAFT,
        "CRAFT: transformer for high frequencies",
        scale_keyword="upscale",
        no_graph=_SIZES_FROZEN,
    ),
    "fdat": Entry(
        arch.FDAT.FDATArch(),
        arch.FDAT.FDAT,
        "FDAT: fast dual aggregation transformer",
        scales=(1, 2, 3, 4),
        scale_keyword="scale",
        no_graph=_SIZES_FROZEN,
    ),
    "swinir": Entry(
        arch.SwinIR.SwinIRArch(),
        arch.SwinIR.SwinIR,
        "SwinIR: transformer with shifted windows",
        scale_keyword="upscale",
        multiplied_by="start_unshuffle",
        publish=_swinir_names,
        sizes=_swinir_sizes,
        defaults=_windows_of_8,
        no_graph=_SIZES_FROZEN,
    ),
    "swin2sr": Entry(
        arch.Swin2SR.Swin2SRArch(),
        arch.Swin2SR.Swin2SR,
        "Swin2SR: SwinIR with the second Swin transformer",
        scale_keyword="upscale",
        defaults=_windows_of_8,
        no_graph=_SIZES_FROZEN,
    ),
    "hat": Entry(
        arch.HAT.HATArch(),
        arch.HAT.HAT,
        "HAT: windows that overlap and channel attention; heavy",
        scale_keyword="upscale",
        defaults={"window_size": 16},
        no_graph=_SIZES_FROZEN,
    ),
    "dat": Entry(
        arch.DAT.DATArch(),
        arch.DAT.DAT,
        "DAT: attention over space and channels in turn; heavy",
        scale_keyword="upscale",
        no_graph=_SIZES_FROZEN,
    ),
    "rgt": Entry(
        arch.RGT.RGTArch(),
        arch.RGT.RGT,
        "RGT: attention over the whole image by recursion",
        scale_keyword="upscale",
        no_graph=_SIZES_FROZEN,
    ),
    "grl": Entry(
        arch.GRL.GRLArch(),
        arch.GRL.GRL,
        "GRL: attention in windows and stripes; heavy",
        scale_keyword="upscale",
        # Window and stripes do not show in weights: those that the published networks have, and spandrel expects.
        defaults=_pixelshuffle
        | {"window_size": 32, "stripe_size": [64, 64], "stripe_shift": True, "anchor_window_down_factor": 4},
        no_graph=_SIZES_FROZEN,
    ),
    "atd": Entry(
        arch.ATD.ATDArch(),
        arch.ATD.ATD,
        "ATD: attention to a dictionary of tokens; heavy",
        scale_keyword="upscale",
        defaults=_pixelshuffle,
        no_graph=_SIZES_FROZEN,
    ),
    "drct": Entry(
        arch.DRCT.DRCTArch(),
        arch.DRCT.DRCT,
        "DRCT: SwinIR with dense connections; heavy",
        scale_keyword="upscale",
        defaults=_pixelshuffle,
        no_graph=_SIZES_FROZEN,
    ),
    "ipt": Entry(
        arch.IPT.IPTArch(),
        arch.IPT.IPT,
        "IPT: transformer over patches, made for several tasks; very heavy",
        scale_keyword="scale",
        defaults={"tails": []},
        adapt=_ipt_scale,
        one_by_one=True,
        no_graph=_SIZES_FROZEN,
    ),
    "mmrealsr": Entry(
        arch.MMRealSR.MMRealSRArch(),
        arch.MMRealSR.MMRealSR,
        "MM-RealSR: RRDB steered by estimated degradations; heavy",
        scales=(4,),
        scale_keyword="scale",
    ),
    "scunet": Entry(
        arch.SCUNet.SCUNetArch(),
        arch.SCUNet.SCUNet,
        "SCUNet: denoises, keeps the size",
        scales=(1,),
        no_graph=_SIZES_FROZEN,
    ),
    "nafnet": Entry(
        arch.NAFNet.NAFNetArch(),
        arch.NAFNet.NAFNet,
        "NAFNet: denoises and deblurs, keeps the size",
        scales=(1,),
        defaults={"width": 32, "middle_blk_num": 12, "enc_blk_nums": [2, 2, 4, 8], "dec_blk_nums": [2, 2, 2, 2]},
        no_graph=_SIZES_FROZEN,
    ),
    "uformer": Entry(
        arch.Uformer.UformerArch(),
        arch.Uformer.Uformer,
        "Uformer: denoises, keeps the size",
        scales=(1,),
        no_graph=_SIZES_FROZEN,
    ),
    "kbnet_s": Entry(
        arch.KBNet.KBNetArch(),
        arch.KBNet.KBNet_s,
        "KBNet: denoises, keeps the size",
        scales=(1,),
        no_graph=_SIZES_FROZEN,
    ),
    "kbnet_l": Entry(
        arch.KBNet.KBNetArch(),
        arch.KBNet.KBNet_l,
        "KBNet, the larger form: denoises, keeps the size",
        scales=(1,),
        no_graph=_SIZES_FROZEN,
    ),
    "fftformer": Entry(
        arch.FFTformer.FFTformerArch(),
        arch.FFTformer.FFTformer,
        "FFTformer: deblurs, keeps the size",
        scales=(1,),
        no_graph=_SIZES_FROZEN,
    ),
    "fbcnn": Entry(
        arch.FBCNN.FBCNNArch(),
        arch.FBCNN.FBCNN,
        "FBCNN: removes JPEG blocks, keeps the size",
        scales=(1,),
        no_graph=_SIZES_FROZEN,
    ),
    "drunet": Entry(
        arch.DRUNet.DRUNetArch(),
        arch.DRUNet.DRUNet,
        "DRUNet: denoises for noise of level 15, keeps the size",
        scales=(1,),
        fixed={"in_nc": 4},  # the noise level is the fourth
        one_by_one=True,
        no_graph="it takes single images only",
    ),
    "dncnn": Entry(
        arch.DnCNN.DnCNNArch(),
        arch.DnCNN.DnCNN,
        "DnCNN: denoises, keeps the size",
        scales=(1,),
        defaults={"act_mode": "R"},
        adapt=_dncnn_channels,
        one_by_one=True,
    ),
    "mixdehazenet": Entry(
        arch.MixDehazeNet.MixDehazeNetArch(),
        arch.MixDehazeNet.MixDehazeNet,
        "MixDehazeNet: removes haze, keeps the size",
        scales=(1,),
        fixed={"out_chans": 4},
        no_graph=_SIZES_FROZEN,
    ),
    "retinexformer": Entry(
        arch.RetinexFormer.RetinexFormerArch(),
        arch.RetinexFormer.RetinexFormer,
        "RetinexFormer: brightens, keeps the size",
        scales=(1,),
        no_graph=_SIZES_FROZEN,
    ),
    "hvicidnet": Entry(
        arch.HVICIDNet.HVICIDNetArch(),
        arch.HVICIDNet.HVICIDNet,
        "HVI-CIDNet: brightens, keeps the size",
        scales=(1,),
        no_graph=_SIZES_FROZEN,
    ),
}
"""By the name that degcraft gives each: spandrel's in lower case. ESRGAN's RRDBNet has a file of its own."""

LEFT_OUT: dict[str, str] = {
    "LaMa": "it fills what a mask covers, and takes the mask as a second input",
    "GFPGAN": "it restores faces alone, at 512 x 512 pixels",
    "RestoreFormer": "it restores faces alone, at 512 x 512 pixels",
    "AuraSR": "it enlarges patches of 64 x 64 pixels by drawing from a GAN, and its file does not hold what builds it",
}
"""What spandrel loads and degcraft does not, by spandrel's id, and why."""

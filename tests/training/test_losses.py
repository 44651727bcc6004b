"""The losses are what their papers say, discriminators learn in alternation, and a new loss needs one entry."""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional as F

from degcraft.degradation import BoxSource
from degcraft.errors import DegcraftError
from degcraft.images import HrPool
from degcraft.knobs import number
from degcraft.metrics import LpipsMetric
from degcraft.training import LOSSES, PLAIN, Precision, Trainer, TrainingDiverged, TrainingPlan, build_losses
from degcraft.training.losses import LossSpec, LossTerm
from degcraft.training.losses.adversarial import AdversarialLoss
from degcraft.training.losses.discriminators import DetailDiscriminator, PatchDiscriminator, UNetDiscriminator

pytestmark = pytest.mark.usefixtures("_one_thread")
CPU = torch.device("cpu")


def images(count: int = 2, side: int = 32, seed: int = 0) -> Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(seed))


class Gain(nn.Module):
    """The smallest network there is."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(3, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gain


def trainer(pool: HrPool, losses: Mapping[str, Any], *, steps: int = 6, **changes: Any) -> Trainer:
    plan = TrainingPlan(steps=steps, batch=2, lr_patch=32, scale=1, losses=losses, precision="float32", **changes)
    return Trainer(Gain(), BoxSource({"blur_sigma": (1.0, 2.0)}), pool, plan)


def test_charbonnier_is_its_formula() -> None:
    (_, term), = build_losses({"charbonnier": {"weight": 1, "eps": 0.1}}, seed=0, device=CPU).values()  # fmt: skip
    sr, hr = images(seed=1).double(), images(seed=2).double()
    expected = ((sr - hr) ** 2 + 0.01).sqrt().mean()
    assert term.measure(sr, hr, PLAIN).item() == pytest.approx(expected.item(), rel=1e-12)
    at_zero = hr.clone().requires_grad_(True)
    term.measure(at_zero, hr, PLAIN).backward()
    assert at_zero.grad is not None
    assert at_zero.grad.abs().max() == 0


def test_what_is_minimised_is_the_weighted_sum(pool: HrPool) -> None:
    subject = trainer(pool, {"l1": 2, "charbonnier": 0.5})
    subject.run(1)
    figures = subject.figures
    assert subject.loss_history[0] == pytest.approx(2 * figures["l1"] + 0.5 * figures["charbonnier"], rel=1e-6)
    assert subject.loss_means() == figures


def test_the_distance_to_the_clean_image_is_shown_whatever_is_minimised(pool: HrPool) -> None:
    subject = trainer(pool, {"charbonnier": 1, "l1": 0})
    subject.run(1)
    assert list(subject.figures) == ["l1", "charbonnier"]
    assert subject.loss_history[0] == pytest.approx(subject.figures["charbonnier"], rel=1e-6)


@pytest.fixture(scope="module")
def squeeze(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A seeded backbone in torchvision's layout."""
    path = tmp_path_factory.mktemp("weights") / "squeezenet.pth"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        torch.save(torchvision.models.squeezenet1_1(weights=None).state_dict(), path)
    return path


def test_lpips_is_the_metric_and_leads_towards_the_clean_image(squeeze: Path, pool: HrPool) -> None:
    built = build_losses({"lpips": {"weight": 0.1, "weights": str(squeeze)}}, seed=0, device=CPU)
    weight, term = built["lpips"]
    assert weight == 0.1
    hr = pool.crop_batch(2, 64, torch.Generator().manual_seed(0))
    sr = (hr + 0.1 * torch.randn(hr.shape, generator=torch.Generator().manual_seed(1))).clamp(0, 1)
    assert term.measure(sr, hr, PLAIN).item() == pytest.approx(LpipsMetric("squeeze", squeeze)(sr, hr), rel=1e-5)

    sr.requires_grad_(True)
    before = term.measure(sr, hr, PLAIN)
    before.backward()
    assert sr.grad is not None
    step = sr.detach() - 0.01 * sr.grad / sr.grad.abs().max()
    assert term.measure(step, hr, PLAIN) < before


def test_lpips_goes_on_from_a_file_elsewhere_but_not_with_other_weights(
    squeeze: Path, pool: HrPool, tmp_path: Path
) -> None:
    def with_weights(path: Path) -> Trainer:
        return trainer(pool, {"l1": 1, "lpips": {"weight": 0.1, "weights": str(path)}})

    subject = with_weights(squeeze)
    subject.run(1)
    subject.save(tmp_path / "run.pt")
    (tmp_path / "moved.pth").write_bytes(squeeze.read_bytes())
    with_weights(tmp_path / "moved.pth").resume(tmp_path / "run.pt")

    other = {key: value + 1 for key, value in torch.load(squeeze, weights_only=True).items()}
    torch.save(other, tmp_path / "other.pth")
    with pytest.raises(DegcraftError, match=r"run.pt: .* weights of lpips was"):
        with_weights(tmp_path / "other.pth").resume(tmp_path / "run.pt")


def test_lpips_without_weights_says_which_file_it_needs(pool: HrPool, tmp_path: Path) -> None:
    with pytest.raises(DegcraftError, match=r"nowhere.pth"):
        trainer(pool, {"lpips": {"weight": 1, "weights": str(tmp_path / "nowhere.pth")}})


@pytest.mark.parametrize("kind", ["bce", "lsgan"])
def test_discriminator_and_network_learn_in_alternation(kind: str) -> None:
    """Against the steps of Real-ESRGAN's trainer, written out by hand."""
    subject = AdversarialLoss("patch", kind, rate=2.0, seed=3)
    by_hand = copy.deepcopy(subject.discriminator)
    optimizer = torch.optim.Adam(by_hand.parameters(), lr=2e-4, betas=(0.9, 0.99))
    score = F.binary_cross_entropy_with_logits if kind == "bce" else F.mse_loss
    for step in range(2):
        sr, hr = images(seed=step).requires_grad_(True), images(seed=step + 10)
        before = copy.deepcopy(subject.discriminator.state_dict())
        loss = subject.measure(sr, hr, PLAIN)
        loss.backward()
        assert sr.grad is not None
        assert sr.grad.abs().max() > 0
        weights = {key for key, _ in subject.discriminator.named_parameters()}
        assert all(torch.equal(before[key], subject.discriminator.state_dict()[key]) for key in weights)

        logits = by_hand(sr.detach())
        assert loss.item() == pytest.approx(score(logits, torch.ones_like(logits)).item(), rel=1e-5)

        told = subject.learn(sr.detach(), hr, 1e-4, PLAIN)
        optimizer.zero_grad()
        real, fake = by_hand(hr), by_hand(sr.detach())
        expected = score(real, torch.ones_like(real)) + score(fake, torch.zeros_like(fake))
        expected.backward()
        optimizer.step()
        assert told["discriminator"].item() == pytest.approx(expected.item(), rel=1e-5)
    for mine, other in zip(subject.discriminator.parameters(), by_hand.parameters(), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-6)


def test_a_discriminator_learns_to_tell_and_leaves_the_global_generator_alone() -> None:
    state = torch.get_rng_state()
    subject = AdversarialLoss("patch", "bce", rate=1.0, seed=0)
    assert torch.equal(state, torch.get_rng_state())
    hr, flat = images(4), torch.full((4, 3, 32, 32), 0.5)
    told = [subject.learn(flat, hr, 1e-3, PLAIN)["discriminator"].item() for _ in range(8)]
    assert told[-1] < 0.5 * told[0]


@pytest.mark.parametrize(
    ("discriminator", "side", "pixels"), [(PatchDiscriminator, 14, 70), (DetailDiscriminator, 30, 38)]
)
def test_patch_discriminators_see_so_many_pixels(discriminator: type[nn.Module], side: int, pixels: int) -> None:
    image = images(1, 128).requires_grad_(True)
    logits = discriminator(channels=8).eval()(image)
    assert logits.shape == (1, 1, side, side)
    logits[0, 0, side // 2, side // 2].backward()
    assert image.grad is not None
    seen = image.grad.abs().sum((0, 1)) > 0
    assert (int(seen.any(0).sum()), int(seen.any(1).sum())) == (pixels, pixels)


def test_a_verdict_on_details_is_of_the_image_and_of_how_much_its_batch_differs() -> None:
    discriminator, batch = DetailDiscriminator(8), images(4, 64)
    with torch.no_grad():
        for _ in range(30):  # spectral norms come to rest
            discriminator(batch)
        verdicts = [
            discriminator(told)[0] for told in (batch[:1], batch[:1].repeat(3, 1, 1, 1), batch, batch[[0, 3, 2, 1]])
        ]
    alone, alike, among, turned = verdicts
    torch.testing.assert_close(alike, alone, rtol=0, atol=1e-3)
    torch.testing.assert_close(turned, among, rtol=0, atol=1e-3)
    assert not torch.allclose(among, alone, atol=1e-3)


@pytest.mark.parametrize("size", [(32, 32), (33, 41), (8, 8)])
def test_the_unet_judges_every_pixel_of_images_of_any_size(size: tuple[int, int]) -> None:
    assert UNetDiscriminator(channels=4)(torch.rand(1, 3, *size)).shape == (1, 1, *size)


def test_the_unet_is_real_esrgans() -> None:
    network = UNetDiscriminator()
    # The count of the published network's weights.
    assert sum(parameter.numel() for parameter in network.parameters()) == 4_376_897
    network.train()
    for _ in range(30):
        network(images(1))
    norm = torch.linalg.matrix_norm(network.down[0].weight.flatten(1).detach(), 2)
    assert norm.item() == pytest.approx(1, abs=0.05)


def test_a_discriminator_that_explodes_is_named(pool: HrPool) -> None:
    subject = trainer(pool, {"l1": 1, "gan": {"weight": 1e-6, "kind": "lsgan", "rate": 1e6}}, steps=60)
    with pytest.raises(TrainingDiverged, match=r"discriminator loss .*lower the weight or the rate of gan"):
        subject.run()


def test_losing_the_image_is_noticed_under_any_loss(pool: HrPool) -> None:
    subject = trainer(pool, {"charbonnier": 1e-3}, steps=60, learning_rate=1.0)
    subject.network.load_state_dict({"gain": torch.full((3, 1, 1), 50.0)})
    with pytest.raises(TrainingDiverged, match="mean l1 loss of 10 steps must be at most 1, but is"):
        subject.run()


class Remembering(LossTerm):
    """L1 with a memory of the brightest image so far, which it may not forget at a stop."""

    def __init__(self, share: float) -> None:
        self.share = share
        self.brightest = torch.zeros(())

    def measure(self, sr: Tensor, hr: Tensor, precision: Precision) -> Tensor:
        return (sr - hr).abs().mean() + self.share * (sr.mean() - self.brightest).abs()

    def learn(self, sr: Tensor, hr: Tensor, rate: float, precision: Precision) -> dict[str, Tensor]:
        self.brightest = torch.maximum(self.brightest, hr.mean())
        return {"brightest": self.brightest}

    def state_dict(self) -> dict[str, Any]:
        return {"brightest": self.brightest}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.brightest = state["brightest"]


def test_a_new_loss_is_one_entry(pool: HrPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    knobs = {"share": number(0.5, above=0)}
    toy = LossSpec("toy", "for the test", lambda seed, share: Remembering(share), knobs=knobs)
    monkeypatch.setitem(LOSSES, "toy", toy)
    losses = {"toy": {"weight": 1, "share": 0.7}}
    whole = trainer(pool, losses, learning_rate=1e-2)
    whole.run(3)
    whole.save(tmp_path / "at3.pt")
    whole.run()
    resumed = trainer(pool, losses, learning_rate=1e-2)
    resumed.resume(tmp_path / "at3.pt")
    resumed.run()
    assert resumed.loss_history == whole.loss_history
    assert resumed.figures == whole.figures
    assert list(whole.figures) == ["l1", "toy", "brightest"]
    with pytest.raises(DegcraftError, match="losses: toy: share must be a number above 0, but got -1"):
        trainer(pool, {"toy": {"weight": 1, "share": -1}})

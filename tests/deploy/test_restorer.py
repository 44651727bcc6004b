"""The network at work: batches are what single images are, tiles are bounded, broken models are found out."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from degcraft.degradation import PAPER_SPACE, CraftedDistribution
from degcraft.errors import DegcraftError
from degcraft.networks import STARTS, load_network
from deploy.http.describing import crafted_for
from deploy.messages import public_name
from deploy.model.restorer import Restorer
from deploy.model.source import load, pin


def test_a_batch_is_what_each_image_is_alone(restorer: Restorer, photograph: np.ndarray) -> None:
    parts = [photograph[y : y + 48, x : x + 40] for y, x in ((0, 0), (20, 50), (90, 110))]
    together = restorer.restore_batch(parts)
    for part, sr in zip(parts, together, strict=True):
        alone = restorer.restore_batch([part])[0]
        assert sr.shape == (96, 80, 3)
        assert np.abs(sr.astype(int) - alone).max() <= 1


def test_it_is_the_network_rounded_to_8_bits(restorer: Restorer, network_file: Path, photograph: np.ndarray) -> None:
    part = photograph[:48, :40]
    lr = torch.from_numpy(part.copy()).permute(2, 0, 1)[None] / 255
    with torch.no_grad():
        expected = load_network(network_file).model(lr).clamp(0, 1)[0].permute(1, 2, 0).numpy() * 255
    assert np.abs(restorer.restore_batch([part])[0] - expected).max() <= 0.51


def test_tiles_have_no_seams_and_are_counted(restorer: Restorer, photograph: np.ndarray) -> None:
    seen: list[tuple[int, int]] = []
    tiled = restorer.restore_tiled(photograph, lambda done, total: seen.append((done, total)))
    whole = restorer.restore_batch([photograph])[0]
    assert np.abs(tiled.astype(int) - whole).max() <= 1
    assert len(seen) > 4
    assert seen[-1][0] == seen[-1][1]
    assert restorer.is_small(photograph[:64, :64])
    assert not restorer.is_small(photograph[:20, :65])


def test_work_that_is_abandoned_ends(restorer: Restorer, photograph: np.ndarray) -> None:
    def stop(done: int, total: int) -> None:
        if done == 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        restorer.restore_tiled(photograph, stop)


def test_what_a_file_was_crafted_for_is_read_from_beside_it(network_file: Path, tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes(network_file.read_bytes())
    assert load(str(file), "cpu", None, 64).info.crafted is None
    weights = np.zeros(PAPER_SPACE.shape)
    weights[2, 3, 1] = 1
    crafted = CraftedDistribution(PAPER_SPACE, weights.ravel(), provenance={"secret": "of its maker"})
    crafted.save(tmp_path / "crafted.json")
    found = load(str(file), "cpu", None, 64).info.crafted
    assert found is not None
    assert found["weights"] == crafted.to_dict()["weights"]
    assert "provenance" not in found
    assert crafted_for(found) == "blur sigma 2 to 3, noise 30 to 40, JPEG quality 50 to 70"
    (tmp_path / "crafted.json").write_text("{}")
    with pytest.raises(DegcraftError, match=r"crafted.json: format must be"):
        load(str(file), "cpu", None, 64)


def test_a_model_that_gives_no_numbers_is_found_out_before_it_serves(network_file: Path, restorer: Restorer) -> None:
    network = load_network(network_file)
    with torch.no_grad():
        next(network.model.parameters()).fill_(float("nan"))
    with pytest.raises(DegcraftError, match="finite"):
        Restorer(network, restorer.info, 64)
    lying = replace(load_network(network_file), scale=4)
    with pytest.raises(DegcraftError, match="scale 4"):
        Restorer(lying, restorer.info, 64)


def test_a_file_is_pinned_by_its_path_and_shown_by_its_name(
    network_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(network_file.parent)
    assert pin(network_file.name, None) == str(network_file)
    assert public_name(str(network_file)) == network_file.name
    assert public_name("models:/film/3") == "models:/film/3"
    with pytest.raises(DegcraftError, match="there is no such file"):
        pin(str(tmp_path / "none.safetensors"), None)
    info = load(str(network_file), "cpu", None, 64).info
    assert (info.network, info.scale, info.device, info.crafted) == ("srresnet", 2, "cpu", None)


def test_a_start_is_pinned_by_its_file(network_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STARTS, "tiny", network_file)
    assert pin("start:tiny", None) == str(network_file)
    with pytest.raises(DegcraftError, match="start:nothing: there is no such start"):
        pin("start:nothing", None)

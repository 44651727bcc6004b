"""What restored images are trained towards: losses by name and weight."""

from degcraft.training.losses.base import LossSpec, LossTerm
from degcraft.training.losses.registry import LOSSES, build_losses, checked_losses, loss_identity, with_weights

__all__ = ["LOSSES", "LossSpec", "LossTerm", "build_losses", "checked_losses", "loss_identity", "with_weights"]

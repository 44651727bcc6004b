from .base import LossSpec, LossTerm
from .registry import LOSSES, build_losses, checked_losses, loss_identity, with_weights

__all__ = ["LOSSES", "LossSpec", "LossTerm", "build_losses", "checked_losses", "loss_identity", "with_weights"]

from .base import LossTerm
from .registry import LOSSES, build_losses, checked_losses, loss_identity, with_weights
from .spec import LossSpec

__all__ = ["LOSSES", "LossSpec", "LossTerm", "build_losses", "checked_losses", "loss_identity", "with_weights"]

"""Degradations: axes, bins and the space, the operators on batched tensors, and distributions to draw
from."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

"""Training networks: the loop and what it asks of a training; super-resolution's plan, losses and arithmetic."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

"""Crafted distributions for other trainers: the blocks of their configurations that say how images are degraded."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

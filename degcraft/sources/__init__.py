"""Degradation sources by name: what low-resolution images can be drawn from, each an entry of one registry."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

"""Find the degradations a pile of real low-resolution images carries, and train super-resolution on them."""

import lazy_loader

__version__ = "0.1.0"

# What a notebook calls, listed in __init__.pyi, loads torch when it is first asked for.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

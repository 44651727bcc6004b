from .evaluation import evaluate as evaluate
from .inspection import inspect as inspect
from .matching.from_folders import craft as craft
from .networks import load as load

__version__: str

"""Ways in which a file that was kept comes back as another."""

import random
from collections.abc import Callable


def _flipped(content: bytes) -> bytes:
    """One bit in its middle half is another."""
    place = random.Random(0).randrange(len(content) // 4, 3 * len(content) // 4)
    return content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :]


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "cut": lambda content: content[: 2 * len(content) // 3],
    "flipped": _flipped,
    "another kind": lambda content: b'{"some": "other file"}\n' * 40,
}

"""What Prometheus is told by one replica of the ingress. Ray tells of replicas, queues and devices by itself."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100)


class Metrics:
    """The counters.

    Args:
        replica: a label on all of them, so that the replicas' numbers are series of their own.
    """

    def __init__(self, replica: str) -> None:
        self._replica = replica
        self._registry = registry = CollectorRegistry()
        outcomes = "Requests to restore by outcome: ok, or an error's code"
        self._requests = Counter("degcraft_requests", outcomes, ["replica", "code"], registry=registry)
        self._pixels = Counter("degcraft_pixels", "Pixels taken in and restored", ["replica"], registry=registry)
        self._in_work = Gauge(
            "degcraft_in_work", "Requests taken in and not yet answered", ["replica"], registry=registry
        )
        self._seconds = Histogram(
            "degcraft_seconds",
            "Seconds of a request by stage",
            ["replica", "stage"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._model = Gauge(
            "degcraft_model", "1 for the model that answered last", ["replica", "uri"], registry=registry
        )

    @contextmanager
    def in_work(self) -> Iterator[None]:
        """Count a request that is taken in."""
        with self._in_work.labels(self._replica).track_inprogress():
            yield

    def ended(self, code: str) -> None:
        """Count an answer."""
        self._requests.labels(self._replica, code).inc()

    def restored(self, pixels: int, uri: str, seconds: dict[str, float]) -> None:
        """Count a restored image, with its seconds by stage."""
        self._pixels.labels(self._replica).inc(pixels)
        for stage, spent in seconds.items():
            self._seconds.labels(self._replica, stage).observe(spent)
        self._model.clear()
        self._model.labels(self._replica, uri).set(1)

    def text(self) -> bytes:
        """All of them in Prometheus' text format."""
        return generate_latest(self._registry)

"""A server on this machine: an embedded Ray with Serve in it, for as long as it is wanted."""

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager, redirect_stdout
from typing import Any

import ray
from ray import serve

from degcraft.embedded import embedded_ray
from degcraft.errors import DegcraftError
from deploy.app import build
from deploy.args import APPLICATION, ServeArgs, listening_at
from deploy.http.proxy import PROXY_ENVIRONMENT
from deploy.stand_in import reached_at, standing_in

ENDED = "Ray's {} on this machine has ended (killed, or for want of memory), and with it the server"


@contextmanager
def serving(args: ServeArgs, host: str, port: int) -> Iterator[str]:
    """Start Ray, Serve and the application; gives the server's address; ends all of it.

    Args:
        args: of the application.
        host: an address of this machine to listen on.
        port: 0 for a free one.

    Raises:
        DegcraftError: the port is taken, there is no such model, or Ray or the model cannot start here.
    """
    port = _free_port(host, port)
    # A proxy comes back while its stand-in still listens.
    os.environ["SERVE_SOCKET_REUSE_PORT_ENABLED"] = "1"
    for name, value in PROXY_ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    with embedded_ray(ray.init, ray.shutdown, ENDED) as let_end:
        try:
            options = {"host": host, "port": port}
            serve.start(http_options=options, proxy_location="HeadOnly", logging_config=_quiet())
            _run(listening_at(args, host))
            with standing_in(host, port):
                yield f"http://{reached_at(host)}:{port}"
        finally:
            let_end()
            # Whoever ends the server has lost interest in how Serve's parts take it; some of it Ray prints.
            logging.getLogger("ray.serve").setLevel(logging.CRITICAL)
            with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
                serve.shutdown()
                ray.shutdown()


def _run(args: ServeArgs) -> None:
    try:
        serve.run(build(args), name=APPLICATION, route_prefix="/", logging_config=_quiet())
    except RuntimeError as error:
        # Serve says only that deploying failed; why stands in the status of the deployment that did.
        application = serve.status().applications.get(APPLICATION)
        told = [one.message for one in application.deployments.values() if one.message] if application else []
        why = _last_line(told[0] if told else str(error))
        raise DegcraftError(f"the model must be able to start, but did not: {why}") from None


def _quiet() -> dict[str, Any]:
    logging.getLogger("ray.serve").setLevel(logging.ERROR)
    return {"log_level": "WARNING", "enable_access_log": False}


def _free_port(host: str, port: int) -> int:
    """The port, or a free one for 0; raises DegcraftError if nothing can listen there."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with closing(socket.socket(family, socket.SOCK_STREAM)) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, port))
            return int(listener.getsockname()[1])
    except OSError as error:
        raise DegcraftError(f"--host and --port: cannot listen on {host}:{port} ({error.strerror})") from None


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else text

"""`degcraft serve`: the best network behind an HTTP interface and a page."""

import argparse
from typing import TYPE_CHECKING

from degcraft.cli._common import positive
from degcraft.cli._network import check_model
from degcraft.errors import DegcraftError

if TYPE_CHECKING:
    from deploy.args import ServeArgs

HELP = "serve a network over HTTP, with a page to try it on (Ray Serve)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Starts Ray Serve on this machine: POST an image to /v1/upscale, or open the address in a browser. /docs has\n"
        "the interface, /v1/model says which network serves; /healthz, /readyz and /metrics are for machines.\n"
        "Only this machine is answered unless --host says otherwise. On a cluster, deploy what --print-config prints."
    )
    parser.epilog = (
        "examples:\n"
        "  degcraft serve --model best/model.safetensors\n"
        "  degcraft serve --follow                     # MLflow's champion; swaps when the alias moves\n"
        "  degcraft serve --host 0.0.0.0 --token-file token\n"
        "  degcraft serve --host 0.0.0.0 --device cuda --replicas 2 --print-config > serve.yaml\n"
        "  serve deploy serve.yaml\n"
        "  curl --data-binary @photo.jpg -o photo_x4.png http://127.0.0.1:8000/v1/upscale"
    )
    model = parser.add_argument_group("the network")
    model.add_argument(
        "--model",
        default="models:/degcraft-sr@champion",
        help="an MLflow model or a weights file (models:/degcraft-sr@champion, from MLFLOW_TRACKING_URI)",
    )
    model.add_argument("--tracking-uri", metavar="URI", help="the MLflow store ($MLFLOW_TRACKING_URI)")
    model.add_argument("--follow", action="store_true", help="swap the network when the alias moves, without a pause")
    model.add_argument("--follow-seconds", type=float, default=10, metavar="S", help="how often the alias is read (10)")
    model.add_argument(
        "--device", choices=("auto", "cpu", "cuda"), default="auto", help="auto takes a GPU if Ray has one"
    )
    model.add_argument("--replicas", type=positive, default=1, metavar="N", help="copies of the network (1)")
    model.add_argument(
        "--cpus", type=float, metavar="N", help="processors of a copy (its share of this machine; 1 in --print-config)"
    )
    model.add_argument("--gpus", type=float, default=1, metavar="N", help="GPUs of a copy; 0.5 lets two share one (1)")
    model.add_argument(
        "--tile",
        type=positive,
        default=256,
        metavar="N",
        help="side in pixels seen at once; less takes less memory (256)",
    )
    server = parser.add_argument_group("the server")
    server.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    server.add_argument("--port", type=int, default=8000, help="0 for a free one (8000)")
    server.add_argument(
        "--token-file", metavar="FILE", help="asks clients for the bearer token in FILE (or in DEGCRAFT_TOKEN)"
    )
    server.add_argument(
        "--allow-host",
        action="append",
        metavar="NAME",
        dest="allowed_hosts",
        help="a name to answer to beside loopback's and --host (again for more; *.example.org; * is any)",
    )
    server.add_argument(
        "--max-pixels", type=positive, default=26_000_000, metavar="N", help="largest image taken (26000000)"
    )
    server.add_argument(
        "--max-side", type=positive, default=16_384, metavar="N", help="longest side of an image taken (16384)"
    )
    server.add_argument(
        "--max-body-bytes", type=positive, default=67_108_864, metavar="N", help="largest request taken (67108864)"
    )
    server.add_argument(
        "--queue",
        type=positive,
        default=128,
        metavar="N",
        help="requests in work or waiting; one client has half (128)",
    )
    server.add_argument("--timeout", type=float, default=600, metavar="S", help="seconds that a request may take (600)")
    server.add_argument(
        "--least-rate", type=float, default=4096, metavar="N", help="bytes a second that an upload must bring (4096)"
    )
    server.add_argument(
        "--print-config",
        action="store_true",
        help="print the configuration for `serve deploy` and RayService; serve nothing",
    )


def run(args: argparse.Namespace) -> int:
    from deploy.args import serve_config

    if args.print_config:
        import yaml

        print(yaml.safe_dump(serve_config(_serve_args(args), args.host, args.port), sort_keys=False), end="")
        return 0
    return _serve(args)


def _serve(args: argparse.Namespace) -> int:
    import os

    from rich.console import Console

    from deploy.http.tokens import TOKEN_VARIABLE, read_token

    console = Console()
    if args.cpus is None:
        args.cpus = max(1, (os.cpu_count() or 1) // args.replicas)
    told = _serve_args(args)
    guarded = read_token(told.token_file) is not None
    check_model(told.model)

    from deploy.model import source

    # Ray takes its time to start: what is wrong with the network is better said before.
    model = source.load(source.first_version(told), "cpu", told.tracking_uri, told.tile).info

    from deploy.local import serving

    console.print(f"starting to serve {model.uri} ({model.network} ×{model.scale})", highlight=False, soft_wrap=True)
    with serving(told, args.host, args.port) as address:
        console.print(
            f"serving at {address}, its interface at {address}/docs; Ctrl-C ends it", highlight=False, soft_wrap=True
        )
        if args.host not in ("127.0.0.1", "localhost", "::1") and not guarded:
            console.print(f"whoever can reach this machine can use it: set {TOKEN_VARIABLE} or --token-file")
        _wait_for_the_end()
        console.print("ending", highlight=False)
    return 0


def _wait_for_the_end() -> None:
    """Until Ctrl-C or SIGTERM."""
    import signal
    import threading

    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    over.wait()


def _serve_args(args: argparse.Namespace) -> "ServeArgs":
    from pydantic import ValidationError

    from deploy.args import ServeArgs

    chosen = {name: getattr(args, name) for name in ServeArgs.model_fields if getattr(args, name, None) is not None}
    try:
        return ServeArgs(timeout_s=args.timeout, **chosen)
    except ValidationError as error:
        first = error.errors()[0]
        flag = "--" + str(first["loc"][0]).removesuffix("_s").replace("_", "-")
        raise DegcraftError(f"{flag}: {first['msg']}, but got {first['input']!r}") from None

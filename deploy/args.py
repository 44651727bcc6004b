"""What a deployment can be told, and the Serve configuration that tells it."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

APPLICATION = "degcraft"
IMPORT_PATH = "deploy.app:build"
ANY_ADDRESS = ("0.0.0.0/0", "::/0")


class ServeArgs(BaseModel):
    """The arguments of the Serve application `deploy.app:build`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str = Field(
        "models:/degcraft-sr@champion",
        description="an MLflow model (models:/name@alias, models:/name/3, runs:/ID/model) or a weights file",
    )
    tracking_uri: str | None = Field(None, description="the MLflow store; MLFLOW_TRACKING_URI where it is left out")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto: a GPU if Ray has one, else the CPU")
    replicas: int = Field(1, ge=1, description="copies of the model, each with its own device")
    cpus: float = Field(1, gt=0, description="processors of one replica, and so its threads")
    gpus: float = Field(1, gt=0, description="GPUs of one replica where the device is a GPU; 0.5 lets two share one")
    tile: int = Field(256, ge=64, description="side in pixels that the network sees at once, and what a batch holds")
    max_pixels: int = Field(26_000_000, ge=1, description="largest image taken, read from its header")
    max_side: int = Field(16_384, ge=1, description="longest side of an image taken")
    max_body_bytes: int = Field(67_108_864, ge=1, description="largest request body taken")
    queue: int = Field(
        128, ge=1, description="requests in work or waiting, beyond which the answer is 429; half of it for one client"
    )
    timeout_s: float = Field(
        600, gt=0, description="seconds that a body may take, and its restoration; what would take longer is refused"
    )
    least_rate: float = Field(4096, ge=0, description="bytes a second that a body must bring, over 10 s")
    allowed_hosts: tuple[str, ...] = Field(
        (), description="names that clients may ask for, beside those of loopback: names, *.names, addresses, networks"
    )
    token_file: str | None = Field(None, description="file with the bearer token; else DEGCRAFT_TOKEN; else no token")
    follow: bool = Field(False, description="swap the model when the alias moves")
    follow_seconds: float = Field(
        10, gt=0, description="how often the alias is read, and straggling replicas caught up"
    )


def listening_at(args: ServeArgs, host: str) -> ServeArgs:
    """The arguments with the names that listening at an address implies: every address where it is all of them."""
    implied = ANY_ADDRESS if host in ("", "0.0.0.0", "::") else (host,)
    return args.model_copy(update={"allowed_hosts": (*args.allowed_hosts, *implied)})


def serve_config(args: ServeArgs, host: str, port: int) -> dict[str, Any]:
    """The configuration that `serve deploy` and a RayService's `serveConfigV2` take."""
    return {
        "proxy_location": "EveryNode",
        "http_options": {"host": host, "port": port},
        "applications": [
            {
                "name": APPLICATION,
                "route_prefix": "/",
                "import_path": IMPORT_PATH,
                "args": listening_at(args, host).model_dump(exclude_none=True, mode="json"),
            }
        ],
    }

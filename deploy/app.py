"""The Serve application: what `serve deploy`, a RayService and `degcraft serve` start."""

from typing import Any

import ray
from ray import serve

from deploy.args import ServeArgs
from deploy.deployments import Champion, Ingress, Model
from deploy.model import source

# Two, so that one goes on where the other dies.
INGRESSES = 2
# How soon a replica that died is missed; Ray's own 10 s are a long time for clients.
HEALTH_CHECK_S = 1
# What a replica is handed at once. The ingress says how many requests there are in all: for the model, plenty for full
# batches; for the ingress, room for the page, health, metrics and refusals beside what it receives and admits.
_ONGOING = 256


def build(args: ServeArgs) -> serve.Application:
    """The application of these arguments, its model pinned to the version that is there now.

    Raises:
        DegcraftError: there is no such model, or it cannot be followed.
    """
    pinned = source.first_version(args)
    # A new replica is up before an old one goes (max_surge_percent), so that upgrades have no downtime.
    common: dict[str, Any] = {"max_surge_percent": 100, "health_check_period_s": HEALTH_CHECK_S}
    light: dict[str, Any] = {"ray_actor_options": {"num_cpus": 0}, **common}
    champion = serve.deployment(
        name="Champion", user_config={"model": args.model}, max_ongoing_requests=_ONGOING, **light
    )(Champion)
    model = serve.deployment(
        name="Model",
        num_replicas=args.replicas,
        max_ongoing_requests=_ONGOING,
        ray_actor_options=_resources(args),
        **common,
    )(Model)
    ingress = serve.deployment(
        name="Ingress", num_replicas=INGRESSES, max_ongoing_requests=4 * args.queue + _ONGOING, **light
    )(Ingress)
    served = champion.bind(args, pinned)
    share = args.model_copy(update={"queue": -(-args.queue // INGRESSES)})
    return ingress.bind(share, model.bind(args, served), served)


def _resources(args: ServeArgs) -> dict[str, Any]:
    if args.device == "cpu" or (args.device == "auto" and not ray.cluster_resources().get("GPU", 0)):
        return {"num_cpus": args.cpus}
    return {"num_cpus": args.cpus, "num_gpus": args.gpus}

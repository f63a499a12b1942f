"""Takes the measures of a GatewayClass that concern its control plane, one after the other, and prints them.

Everything is made in namespaces of its own, which are deleted in the end. Needs Python 3.11 and kubectl, no other packages."""

import argparse
import datetime
import json
import signal
import sys

import change
import foreign
import propagation
import report
import scale
from api import Api
from place import Place

MEASURES = ("scale", "propagation", "change", "foreign")


def numbers(text):
    return [int(part) for part in text.split(",")]


def options():
    parser = argparse.ArgumentParser(prog="run.sh", description=__doc__)
    add = parser.add_argument
    add("--class", dest="class_name", required=True, metavar="NAME", help="the GatewayClass")
    add("--json", metavar="FILE", help="where all figures go")
    add("--only", metavar="MEASURE,...", default=",".join(MEASURES), help="of " + ", ".join(MEASURES))
    add("--controller", metavar="NS/SELECTOR", help="the controller's pods, by label; without it none is measured")
    add("--proxy", metavar="NS/SELECTOR", help="the proxies' pods and Service, where they do not bear the Gateway's name as a label")
    add("--namespace", metavar="NAME", default="bench-control-plane", help="is made and deleted (%(default)s)")
    add("--manifests", metavar="FILE", help="applied there first: what --infrastructure refers to")
    add("--infrastructure", metavar="JSON", type=json.loads, help="the Gateway's spec.infrastructure")
    add("--image", metavar="IMAGE", default="registry.k8s.io/gateway-api/conformance/echo-basic:v0.1.0",
        help="of the backend (%(default)s); none: routes answer with a redirect")
    add("--image-port", metavar="PORT", type=int, default=3000, help="that it listens on (%(default)s)")
    add("--routes", metavar="N", type=int, default=1000, help="of propagation (%(default)s)")
    add("--steps", metavar="N,...", type=numbers, default=[1000, 5000], help="routes of scale (1000,5000)")
    add("--present", metavar="N", type=int, default=3000, help="routes that are there at a second propagation (%(default)s)")
    add("--present-routes", metavar="N", type=int, default=200, help="routes of that one; 0: none (%(default)s)")
    add("--changes", metavar="N", type=int, default=100, help="of a route under load (%(default)s)")
    add("--foreign", metavar="SERVICES,PODS", type=numbers, default=[5000, 10000], help="(5000,10000)")
    add("--idle", metavar="SECONDS", type=int, default=30, help="of rest, for processor time; 0: none (%(default)s)")
    add("--patience", metavar="SECONDS", type=int, default=120, help="for anything that is waited for (%(default)s)")
    parsed = parser.parse_args()
    parsed.only = parsed.only.split(",")
    if unknown := set(parsed.only) - set(MEASURES):
        parser.error(f"no measure named {', '.join(sorted(unknown))}")
    return parsed


def about(api, place, chosen):
    gateway_class = api.get("GatewayClass", None, chosen.class_name)
    nodes = [node["status"]["capacity"] for node in api.get("Node")["items"]]

    def images(pods):
        return sorted({container["image"] for pod in pods for container in pod["spec"]["containers"]})

    return {
        "class": chosen.class_name,
        "controller_name": gateway_class["spec"]["controllerName"],
        "kubernetes": api.request("GET", "/version")["gitVersion"],
        "date": datetime.date.today().isoformat(),
        "nodes": [{"cpu": node["cpu"], "memory": node["memory"]} for node in nodes],
        "proxies": {"replicas": len(place.targets()), "images": images(place.proxies())},
        "controllers": {"replicas": len(place.controllers()), "images": images(place.controllers())},
        "backend": chosen.image,
    }


def measures(place, chosen):
    """Name and figures of each, in order."""
    if "scale" in chosen.only:
        yield "scale", scale.measure(place, chosen.steps, chosen.present, chosen.present_routes, chosen.idle)
    if "propagation" in chosen.only:
        yield "propagation", propagation.measure(place, chosen.routes, "route")
        place.api.delete_all("HTTPRoute", place.space, [f"route-{n}" for n in range(chosen.routes)])
    if "change" in chosen.only:
        yield "change", change.measure(place, chosen.changes)
    if "foreign" in chosen.only:
        yield "foreign", foreign.measure(place, *chosen.foreign)


def main():
    # A thread that has an answer is to note the time soon.
    sys.setswitchinterval(0.0005)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    chosen = options()
    api = Api()
    try:
        with Place(api, chosen) as place:
            result = {"about": about(api, place, chosen), "measures": {}}
            for name, figures in measures(place, chosen):
                print(f"measured: {name}", file=sys.stderr)
                result["measures"][name] = figures
    finally:
        api.close()
    print("\n".join(report.lines(result)))
    if chosen.json:
        with open(chosen.json, "w", encoding="utf-8") as file:
            json.dump(result, file, indent=2)
            file.write("\n")


main()

"""What Services and Pods of a namespace that is none of a Gateway's business cost its proxy: one whose listener takes routes of its own
namespace, and one whose listener takes them of all."""

import time

import objects
import resources

WIDE = "bench-all"
SETTLES = 5  # seconds for a proxy to take in what came last


def measure(place, services, pods):
    elsewhere = f"{place.space}-foreign"
    place.make_gateway(WIDE, "All")
    place.make_namespace(elsewhere)
    time.sleep(SETTLES)
    before = sample(place)
    place.api.create_all(thing for n in range(services) for thing in objects.foreign_service(n, elsewhere))
    place.api.create_all(objects.foreign_pod(n, elsewhere) for n in range(pods))
    time.sleep(SETTLES)
    after = sample(place)
    answer = {"services": services, "pods": pods}
    for scope in before:
        was, now = (resources.memory(samples[scope]) for samples in (before, after))
        if was and now:
            growth = {f"{key}_growth": round(now[0][key] - was[0][key], 2) for key in now[0]}
            answer[scope] = {"before": was[0], "after": now[0], **growth}
    return answer


def sample(place):
    """By what the Gateway's listener takes."""
    pods = {"own_namespace": place.proxies(), "all_namespaces": place.proxies(WIDE)}
    seen = resources.sample(place.api, [pod for group in pods.values() for pod in group])
    return {scope: {pod["metadata"]["name"]: seen[pod["metadata"]["name"]] for pod in group} for scope, group in pods.items()}

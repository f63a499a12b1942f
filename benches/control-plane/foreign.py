"""What Services and Pods of a namespace that is none of a Gateway's business cost its proxy: one whose listener takes routes of its own
namespace, and one whose listener takes them of all."""

import objects
import resources

WIDE = "bench-all"


def measure(place, services, pods):
    elsewhere = f"{place.space}-foreign"
    place.make_gateway(WIDE, "All")
    place.make_namespace(elsewhere)
    # Twice: the first sample of a proxy that has just begun may be of before it is done.
    sample(place)
    before = sample(place)
    place.api.create_all(thing for n in range(services) for thing in objects.foreign_service(n, elsewhere))
    place.api.create_all(objects.foreign_pod(n, elsewhere) for n in range(pods))
    sample(place)
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
    return {
        "own_namespace": resources.sample(place.api, place.proxies()),
        "all_namespaces": resources.sample(place.api, place.proxies(WIDE)),
    }

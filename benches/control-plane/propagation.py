"""Route propagation: how long from writing one route to its being served by every replica, and what else is answered on the way."""

import time

import objects
from api import Watch
from probe import Poller

GIVE_UP = 3  # routes that are never served, before it is no use to go on


def measure(place, routes, prefix):
    """Makes routes one after the other, each once the one before is served everywhere. They stay."""
    pollers = [Poller(target, place.answer.status, place.options.patience) for target in place.targets()]
    told = {}
    watch = Watch(place.api, "HTTPRoute", place.space, lambda _, route, now: told.setdefault(route["metadata"]["name"], now))
    sent, answered, after_told, errors, lost = [], [], [], 0, 0
    for index in range(routes):
        name = f"{prefix}-{index}"
        for poller in pollers:
            poller.ask(objects.host(name))
        before = time.perf_counter_ns()
        place.api.create(place.answer.route(name, place.space, "bench"))
        after = time.perf_counter_ns()
        took = [poller.took() for poller in pollers]
        errors += sum(wrong for _, wrong in took)
        if any(at is None for at, _ in took):
            lost += 1
            if lost == GIVE_UP:
                break
            continue
        last = max(at for at, _ in took)
        sent.append((last - before) / 1e6)
        answered.append(max(0, last - after) / 1e6)
        if name in told:
            after_told.append(max(0, last - told[name]) / 1e6)
    for poller in pollers:
        poller.stop()
    watch.stop()
    return {
        "routes": routes,
        "replicas": len(pollers),
        "served": len(sent),
        "never_served": lost,
        "errors": errors,
        "from_write_sent_ms": summary(sent),
        "from_write_answered_ms": summary(answered),
        # The same from when the API server told of the route to a watch of ours: what is left is the implementation's own.
        "from_watch_event_ms": summary(after_told),
    }


def summary(values):
    """Median, 99th percentile and the like, to a tenth."""
    if not values:
        return None
    ordered = sorted(values)

    def at(share):
        return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1)

    return {"min": at(0), "median": at(0.5), "p90": at(0.9), "p99": at(0.99), "max": round(ordered[-1], 1)}

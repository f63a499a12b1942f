"""Attached routes: many routes at once. How long until each is served and the Gateway's status counts them all, and how many writes
of statuses that took. Writes are counted by watches, so any implementation's are: nobody else writes to these objects."""

import time

import objects
from api import Watch, until
from probe import Poller

LATEST = 16  # routes written last, of which each replica is asked


class Statuses:
    """What is written to the Gateways and routes of the namespace meanwhile."""

    def __init__(self, place):
        self.gateways = self.routes = 0
        self.count, self.counted_at = None, 0
        self.watches = [
            Watch(place.api, "Gateway", place.space, self.gateway),
            Watch(place.api, "HTTPRoute", place.space, self.route),
        ]

    def gateway(self, kind, gateway, now):
        if kind == "MODIFIED" and gateway["metadata"]["name"] == "bench":
            self.gateways += 1
            self.count, self.counted_at = counted(gateway), now

    def route(self, kind, _, now):
        self.routes += kind == "MODIFIED"

    def stop(self):
        for watch in self.watches:
            watch.stop()

    def until(self, count, since, patience):
        """Seconds until the Gateway's status counts so many routes."""
        until(f"{count} attached routes", patience, lambda: self.count == count, 0.01)
        return round(max(0, self.counted_at - since) / 1e9, 3)

    def until_quiet(self):
        """Until nothing has been written for two seconds, at most a minute."""
        end, before = time.monotonic() + 60, None
        while before != (before := (self.gateways, self.routes)) and time.monotonic() < end:
            time.sleep(2)


def counted(gateway):
    listeners = gateway.get("status", {}).get("listeners") or [{}]
    return listeners[0].get("attachedRoutes", 0)


def fill(place, names, total):
    """Makes routes of these names, so that the Gateway has `total`."""
    statuses = Statuses(place)
    start = time.perf_counter_ns()
    place.api.create_all(place.answer.route(name, place.space, "bench") for name in names)
    written = time.perf_counter_ns()
    served = all_serve(place, names[-LATEST:])
    attached = statuses.until(total, written, place.options.patience)
    statuses.until_quiet()
    statuses.stop()
    return {
        "routes": len(names),
        "writing_s": round((written - start) / 1e9, 3),
        "served_after_ms": round(max(0, served - written) / 1e6, 1),
        "attached_after_s": attached,
        "gateway_status_writes": statuses.gateways,
        "route_status_writes": statuses.routes,
    }


def empty(place, names):
    """Deletes these routes, which are all."""
    statuses = Statuses(place)
    start = time.perf_counter_ns()
    place.api.delete_all("HTTPRoute", place.space, names)
    deleted = time.perf_counter_ns()
    detached = statuses.until(0, deleted, place.options.patience)
    statuses.until_quiet()
    statuses.stop()
    return {
        "routes": len(names),
        "deleting_s": round((deleted - start) / 1e9, 3),
        "detached_after_s": detached,
        "gateway_status_writes": statuses.gateways,
        "route_status_writes": statuses.routes,
    }


def all_serve(place, names):
    """When every replica had served each of these."""
    last = 0
    for target in place.targets():
        poller = Poller(target, place.answer.status, place.options.patience)
        for name in names:
            poller.ask(objects.host(name))
        took = [poller.took()[0] for _ in names]
        poller.stop()
        if None in took:
            raise TimeoutError("a route is never served")
        last = max(last, *took)
    return last

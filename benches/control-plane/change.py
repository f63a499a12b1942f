"""A route changes under load, in a header and in where it leads: every answer must be right."""

import collections
import threading
import time

import objects
from api import until
from probe import Probe

CONNECTIONS = 2  # to each replica
PERIOD = 0.1  # seconds between two changes


class Load(threading.Thread):
    """Requests without a pause over one connection."""

    def __init__(self, target, host, status):
        super().__init__(daemon=True)
        self.probe, self.host, self.status = Probe(target), host, status
        self.stopped, self.requests, self.wrong, self.turns = False, 0, collections.Counter(), set()
        self.start()

    def run(self):
        while not self.stopped:
            status, headers = self.probe.get(self.host)
            self.requests += 1
            if status != self.status:
                self.wrong[str(status or "no answer")] += 1
            self.turns.add(headers.get("x-turn") or headers.get("location"))
        self.probe.close()


def measure(place, changes):
    host = objects.host("change")
    place.api.create(place.answer.route("change", place.space, "bench"))
    targets = place.targets()
    for target in targets:
        probe = Probe(target)
        until("the route to be served", place.options.patience, lambda: probe.get(host)[0] == place.answer.status)
        probe.close()
    loads = [Load(target, host, place.answer.status) for target in targets for _ in range(CONNECTIONS)]
    start = time.monotonic()
    for turn in range(1, changes + 1):
        place.api.patch("HTTPRoute", place.space, "change", {"spec": {"rules": [place.answer.rule(turn)]}})
        time.sleep(PERIOD)
    last = place.answer.rule(changes)["filters"][0]
    last = str(changes) if place.answer.image else f"http://{last['requestRedirect']['hostname']}/"
    until("the last change", place.options.patience, lambda: all(last in load.turns for load in loads))
    seconds = time.monotonic() - start
    for load in loads:
        load.stopped = True
        load.join(30)
    requests = sum(load.requests for load in loads)
    wrong = sum((load.wrong for load in loads), collections.Counter())
    place.api.delete_all("HTTPRoute", place.space, ["change"])
    return {
        "changes": changes,
        "connections": len(loads),
        "requests": requests,
        "requests_a_second": round(requests / seconds),
        "errors": sum(wrong.values()),
        "errors_by_status": dict(wrong),
    }

"""What controller and proxy take at 0, 1,000 and 5,000 routes: memory, processor time to get there, and processor time at rest."""

import time

import attached
import propagation
import resources


def measure(place, steps, present, probes, idle):
    """Fills the Gateway step by step; at `present` routes the propagation of so many more is measured. Empties it again."""
    answer = {"steps": [rest(place, 0, idle)]}
    names = []
    for step in sorted({*steps, *([present] if probes else [])}):
        new = [f"scale-{index}" for index in range(len(names), step)]
        before = both(place)
        filled = attached.fill(place, new, step)
        names += new
        taken = {who: resources.cpu(before[who], pods) for who, pods in both(place).items()}
        answer["steps"].append({"filling": {**filled, "cpu_s": taken}, **rest(place, step, idle)})
        if step == present and probes:
            answer["propagation"] = {"present": step, **propagation.measure(place, probes, "present")}
            place.api.delete_all("HTTPRoute", place.space, [f"present-{index}" for index in range(probes)])
    answer["emptying"] = attached.empty(place, names)
    answer["steps"].append({"emptied": True, **rest(place, 0, idle)})
    return answer


def both(place):
    """Samples of controller and proxy."""
    return {
        "controller": resources.sample(place.api, place.controllers()),
        "proxy": resources.sample(place.api, place.proxies()),
    }


def rest(place, routes, idle):
    """Memory, and processor time while nothing happens."""
    begun = both(place)
    step = {"routes": routes, "memory": {who: resources.memory(pods) for who, pods in begun.items()}}
    if idle:
        time.sleep(idle)
        ended = both(place)
        step["idle_millicores"] = {who: resources.share(begun[who], ended[who]) for who in begun}
    return step

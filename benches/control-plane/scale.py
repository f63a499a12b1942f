"""What controller and proxy take at 0, 1,000 and 5,000 routes: memory, processor time to get there, and processor time at rest."""

import time

import attached
import propagation
import resources


def measure(place, steps, present, probes, idle):
    """Fills the Gateway step by step; at `present` routes the propagation of so many more is measured. Empties it again."""
    usage = Usage(place, idle)
    answer = {"steps": [{"routes": 0, **usage.rest()}]}
    names = []
    for step in sorted({*steps, *([present] if probes else [])}):
        new = [f"scale-{index}" for index in range(len(names), step)]
        filled = attached.fill(place, new, step)
        names += new
        answer["steps"].append({"routes": step, "filling": {**filled, "cpu_s": usage.since()}, **usage.rest()})
        if step == present and probes:
            answer["propagation"] = {"present": step, **propagation.measure(place, probes, "present")}
            place.api.delete_all("HTTPRoute", place.space, [f"present-{index}" for index in range(probes)])
            usage.since()
    answer["emptying"] = {**attached.empty(place, names), "cpu_s": usage.since()}
    answer["steps"].append({"routes": 0, "emptied": True, **usage.rest()})
    return answer


class Usage:
    """What the pods of controller and proxy take, from one sample to the next."""

    def __init__(self, place, idle):
        self.place, self.idle = place, idle
        self.last = self.sample()

    def sample(self):
        pods = {"controller": self.place.controllers(), "proxy": self.place.proxies()}
        seen = resources.sample(self.place.api, [pod for group in pods.values() for pod in group])
        return {who: {pod["metadata"]["name"]: seen[pod["metadata"]["name"]] for pod in group} for who, group in pods.items()}

    def since(self, how=resources.cpu):
        """Processor time since the last sample."""
        before, self.last = self.last, self.sample()
        return {who: how(before[who], self.last[who]) for who in before}

    def rest(self):
        """Memory as it was at the last sample, and processor time while nothing happens."""
        step = {"memory": {who: resources.memory(pods) for who, pods in self.last.items()}}
        if self.idle:
            time.sleep(self.idle)
            step["idle_millicores"] = self.since(resources.share)
        return step

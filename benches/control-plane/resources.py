"""Memory and processor time of pods, as their kubelets tell (`/stats/summary` of the node, which needs no metrics server).

Resident memory is `rssBytes`, what the containers' processes hold themselves; `workingSetBytes` adds files in memory, and is what limits
are held against. A kubelet looks every ten seconds or so: a sample waits until it has looked anew, whatever its clock says."""

import datetime

from api import until

PATIENCE = 90  # seconds for a kubelet to look again
MIB = 1 << 20


def sample(api, pods):
    """What each pod takes from now on: {name: {memory_mib, working_set_mib, cpu_s since it began, at}}."""
    before = look(api, pods)

    def anew():
        now = look(api, pods)
        fresh = all(name in now and now[name]["at"] > before.get(name, {"at": 0})["at"] for name in names)
        return now if fresh else None

    names = [pod["metadata"]["name"] for pod in pods]
    return until("the kubelet to look at the pods", PATIENCE, anew, 1) if names else {}


def look(api, pods):
    """What the kubelets saw last."""
    wanted = {(pod["metadata"]["namespace"], pod["metadata"]["name"]) for pod in pods}
    found = {}
    for node in sorted({pod["spec"]["nodeName"] for pod in pods}):
        for pod in api.request("GET", f"/api/v1/nodes/{node}/proxy/stats/summary")["pods"]:
            key = (pod["podRef"]["namespace"], pod["podRef"]["name"])
            if key in wanted and pod.get("containers"):
                found[key[1]] = taken(pod["containers"])
    return found


def taken(containers):
    """The sum over a pod's containers; `at` is when the one that was looked at first was."""
    def total(what, field):
        return sum(container.get(what, {}).get(field, 0) for container in containers)

    times = [datetime.datetime.fromisoformat(container["cpu"]["time"].replace("Z", "+00:00")) for container in containers]
    return {
        "memory_mib": round(total("memory", "rssBytes") / MIB, 2),
        "working_set_mib": round(total("memory", "workingSetBytes") / MIB, 2),
        "cpu_s": round(total("cpu", "usageCoreNanoSeconds") / 1e9, 3),
        "at": min(times).timestamp(),
    }


def memory(samples):
    """The memory of each pod, biggest first."""
    each = [{"memory_mib": s["memory_mib"], "working_set_mib": s["working_set_mib"]} for s in samples.values()]
    return sorted(each, key=lambda pod: -pod["memory_mib"])


def cpu(before, after):
    """Seconds of processor time that all of the pods took between two samples."""
    return round(sum(after[name]["cpu_s"] - before[name]["cpu_s"] for name in after if name in before), 2)


def share(before, after):
    """The same as a share of one processor, in thousandths."""
    seconds = max((after[name]["at"] - before[name]["at"] for name in after if name in before), default=0)
    return round(1000 * cpu(before, after) / seconds) if seconds else None

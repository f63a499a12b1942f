"""What was measured, for people."""


def lines(result):
    """The whole, as lines of text."""
    about = result["about"]
    yield f"{about['class']} ({about['controller_name']}), Kubernetes {about['kubernetes']}, {about['date']}"
    for name, words in (("propagation", propagation), ("scale", scale), ("change", change), ("foreign", foreign)):
        if name in result["measures"]:
            yield ""
            yield from words(result["measures"][name])


def propagation(measured):
    present = f", {measured['present']} present" if "present" in measured else ""
    yield (
        f"route propagation: {measured['served']} of {measured['routes']} routes one after the other{present}, "
        f"{measured['replicas']} replicas, errors on the way {measured['errors']}, never served {measured['never_served']}"
    )
    for name, words in (
        ("from_write_sent_ms", "from the write's being sent"),
        ("from_write_answered_ms", "from its answer"),
        ("from_watch_event_ms", "from the API server's telling of it to a watch"),
    ):
        if times := measured[name]:
            yield f"  {words}: median {times['median']} ms, p99 {times['p99']} ms, maximum {times['max']} ms"


def scale(measured):
    yield "memory resident (and working set) of the biggest pod, processor time of all pods:"
    for step in measured["steps"]:
        yield f"  {step['routes']} routes{' (emptied)' if step.get('emptied') else ''}"
        for who, pods in step["memory"].items():
            if pods:
                idle = step.get("idle_millicores", {}).get(who)
                rest = "" if idle is None else f", at rest {idle} m"
                filling = step.get("filling")
                taken = f", to get there {filling['cpu_s'][who]} s" if filling else ""
                yield f"    {who}: {pods[0]['memory_mib']} MiB ({pods[0]['working_set_mib']}){rest}{taken}"
        if "filling" in step:
            yield f"    {attached(step['filling'])}"
    emptied = measured["emptying"]
    yield (
        f"  {emptied['routes']} deleted in {emptied['deleting_s']} s, none attached {emptied['detached_after_s']} s later, "
        f"{emptied['gateway_status_writes']} writes of the Gateway's status"
    )
    if "propagation" in measured:
        yield from propagation(measured["propagation"])


def attached(filled):
    return (
        f"{filled['routes']} routes written in {filled['writing_s']} s, served {filled['served_after_ms']} ms and attached "
        f"{filled['attached_after_s']} s after the last; writes of statuses: Gateway {filled['gateway_status_writes']}, "
        f"routes {filled['route_status_writes']}"
    )


def change(measured):
    yield (
        f"a route changed {measured['changes']} times under load: {measured['requests']} requests "
        f"({measured['requests_a_second']} a second), {measured['errors']} errors {measured['errors_by_status'] or ''}".rstrip()
    )


def foreign(measured):
    yield f"{measured['services']} Services and {measured['pods']} Pods of a foreign namespace:"
    for scope in ("own_namespace", "all_namespaces"):
        if scope in measured:
            one = measured[scope]
            yield (
                f"  a proxy that sees {scope.replace('_', ' ')}: {one['before']['memory_mib']} MiB, then "
                f"{one['after']['memory_mib']} MiB: {one['memory_mib_growth']:+} MiB (working set {one['working_set_mib_growth']:+})"
            )

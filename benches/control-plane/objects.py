"""The objects that are made, as values: nothing here talks to a cluster."""

GROUP = "gateway.networking.k8s.io"
HOST = "bench.test"


def thing(kind, name, namespace=None, version="v1", labels=None, **rest):
    metadata = {"name": name}
    if namespace:
        metadata["namespace"] = namespace
    if labels:
        metadata["labels"] = labels
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **rest}


def namespace(name):
    return thing("Namespace", name)


def gateway(name, space, class_name, routes_from="Same", infrastructure=None):
    listener = {
        "name": "http",
        "port": 80,
        "protocol": "HTTP",
        "allowedRoutes": {"namespaces": {"from": routes_from}},
    }
    spec = {"gatewayClassName": class_name, "listeners": [listener]}
    if infrastructure:
        spec["infrastructure"] = infrastructure
    return thing("Gateway", name, space, f"{GROUP}/v1", spec=spec)


def host(name):
    return f"{name}.{HOST}"


class Answer:
    """What routes answer with: a backend of some image, or, without one, a redirect, which every implementation serves itself."""

    def __init__(self, image, port):
        self.image, self.port = image, port
        self.status = 200 if image else 302

    def backend(self, space):
        """The backend's objects. The Service has two ports, so that a route can be led from one to the other."""
        if not self.image:
            return []
        labels = {"app": "backend"}
        env = [
            {"name": name, "valueFrom": {"fieldRef": {"fieldPath": f"metadata.{field}"}}}
            for name, field in (("POD_NAME", "name"), ("NAMESPACE", "namespace"))
        ]
        container = {
            "name": "backend",
            "image": self.image,
            "env": env,
            "readinessProbe": {"tcpSocket": {"port": self.port}, "periodSeconds": 1},
        }
        ports = [{"name": f"port-{port}", "port": port, "targetPort": self.port} for port in (80, 8080)]
        return [
            thing("Service", "backend", space, spec={"selector": labels, "ports": ports}),
            thing("Deployment", "backend", space, "apps/v1", spec={
                "replicas": 1,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
            }),
        ]

    def rule(self, turn=0):
        """A route's rule. Each turn differs from the one before in a header and in where it leads."""
        header = {"type": "ResponseHeaderModifier", "responseHeaderModifier": {"set": [{"name": "x-turn", "value": str(turn)}]}}
        if self.image:
            return {"filters": [header], "backendRefs": [{"name": "backend", "port": 8080 if turn % 2 else 80}]}
        redirect = {"hostname": host(f"turn-{turn}"), "statusCode": 302}
        return {"filters": [{"type": "RequestRedirect", "requestRedirect": redirect}]}

    def route(self, name, space, parent, turn=0):
        spec = {"parentRefs": [{"name": parent}], "hostnames": [host(name)], "rules": [self.rule(turn)]}
        return thing("HTTPRoute", name, space, f"{GROUP}/v1", spec=spec)


def foreign_service(index, space):
    """A Service that concerns no Gateway, and its endpoints. Headless, so that it takes no address and no node programs it."""
    name = f"service-{index}"
    ports = [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": 8080}]
    service = thing("Service", name, space, labels={"app": name}, spec={"clusterIP": "None", "ports": ports})
    labels = {"kubernetes.io/service-name": name, "service.kubernetes.io/headless": ""}
    endpoints = [
        {"addresses": [f"10.{100 + n}.{index // 250}.{index % 250 + 1}"], "conditions": {"ready": True},
         "targetRef": {"kind": "Pod", "name": f"pod-{2 * index + n}", "namespace": space}, "nodeName": "elsewhere"}
        for n in range(2)
    ]
    slices = thing("EndpointSlice", f"{name}-bench", space, "discovery.k8s.io/v1", labels=labels,
                   addressType="IPv4", endpoints=endpoints, ports=[{"name": "http", "port": 8080, "protocol": "TCP"}])
    return [service, slices]


def foreign_pod(index, space):
    """A Pod that no scheduler takes, so that nothing runs."""
    labels = {"app": f"service-{index // 2}", "version": "v1", "pod-template-hash": f"{index:010d}"}
    spec = {"schedulerName": "none.bench.test", "containers": [{"name": "app", "image": "none.bench.test/app:v1"}]}
    return thing("Pod", f"pod-{index}", space, labels=labels, spec=spec)

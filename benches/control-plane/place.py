"""Where it is measured: a namespace with a Gateway and a backend, made and removed again; which pods proxy, and by which address."""

import subprocess

import objects
from api import until

NAME = "gateway.networking.k8s.io/gateway-name"


class Place:
    """A namespace of ours. Use it with `with`."""

    def __init__(self, api, options):
        self.api, self.options, self.space = api, options, options.namespace
        self.answer = objects.Answer(None if options.image == "none" else options.image, options.image_port)
        self.made = []

    def __enter__(self):
        if self.api.find("Namespace", None, self.space):
            raise SystemExit(f"there is a namespace {self.space} already: delete it, or name another by --namespace")
        try:
            self.make_namespace(self.space)
            if self.options.manifests:
                subprocess.run(["kubectl", "apply", "-n", self.space, "-f", self.options.manifests], check=True, stdout=2)
            self.api.create_all(self.answer.backend(self.space))
            self.make_gateway("bench")
            if self.answer.image:
                until("the backend to be ready", self.options.patience, self.backend_ready)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for space in reversed(self.made):
            self.api.request("DELETE", f"/api/v1/namespaces/{space}")
        for space in self.made:
            until(f"{space} to be gone", 600, lambda space=space: not self.api.find("Namespace", None, space), 1)
        self.made.clear()

    def make_namespace(self, name):
        self.made.append(name)
        self.api.create(objects.namespace(name))

    def backend_ready(self):
        status = self.api.get("Deployment", self.space, "backend").get("status", {})
        return status.get("readyReplicas")

    def make_gateway(self, name, routes_from="Same"):
        """A Gateway, once its proxies can be reached."""
        options = self.options
        self.api.create(objects.gateway(name, self.space, options.class_name, routes_from, options.infrastructure))
        until(f"the Gateway {name} to be programmed", options.patience, lambda: self.programmed(name))
        until(f"the proxies of {name}", options.patience, lambda: self.targets(name))

    def programmed(self, name):
        conditions = self.api.get("Gateway", self.space, name).get("status", {}).get("conditions", [])
        return any(c["type"] == "Programmed" and c["status"] == "True" for c in conditions)

    def targets(self, name="bench"):
        """Address and port of each replica of the Gateway: the ready endpoints of its Service. Where it has no Service that bears its
        name as a label, the one address of its status."""
        space, selector = self.proxy_selector(name)
        services = self.api.get("Service", space, labelSelector=selector)["items"]
        found = []
        for service in services:
            ports = [port.get("name", "") for port in service["spec"].get("ports", []) if port["port"] == 80]
            label = "kubernetes.io/service-name=" + service["metadata"]["name"]
            for group in self.api.get("EndpointSlice", space, labelSelector=label)["items"]:
                for port in (p for p in group.get("ports") or [] if p.get("name", "") in ports):
                    found += [
                        (endpoint["addresses"][0], port["port"])
                        for endpoint in group.get("endpoints") or []
                        if endpoint.get("conditions", {}).get("ready", True)
                    ]
        if services:
            return sorted(set(found))
        addresses = self.api.get("Gateway", self.space, name).get("status", {}).get("addresses", [])
        return [(address["value"], 80) for address in addresses[:1]]

    def proxy_selector(self, name="bench"):
        """Namespace and label selector of the Gateway's Service and pods."""
        if self.options.proxy:
            return tuple(self.options.proxy.split("/", 1))
        return self.space, f"{NAME}={name}"

    def proxies(self, name="bench"):
        return self.pods(*self.proxy_selector(name))

    def controllers(self):
        return self.pods(*self.options.controller.split("/", 1)) if self.options.controller else []

    def pods(self, space, selector):
        pods = self.api.get("Pod", space, labelSelector=selector)["items"]
        return [pod for pod in pods if pod.get("status", {}).get("phase") == "Running"]

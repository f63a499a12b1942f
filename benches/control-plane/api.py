"""The API server by plain HTTP: requests, many at once, and watches. It is reached as kubectl is set up to reach it."""

import base64
import http.client
import json
import os
import re
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

GROUPS = {
    "Namespace": ("api/v1", "namespaces"),
    "Pod": ("api/v1", "pods"),
    "Service": ("api/v1", "services"),
    "Node": ("api/v1", "nodes"),
    "EndpointSlice": ("apis/discovery.k8s.io/v1", "endpointslices"),
    "Deployment": ("apis/apps/v1", "deployments"),
    "GatewayClass": ("apis/gateway.networking.k8s.io/v1", "gatewayclasses"),
    "Gateway": ("apis/gateway.networking.k8s.io/v1", "gateways"),
    "HTTPRoute": ("apis/gateway.networking.k8s.io/v1", "httproutes"),
}
MERGE = "application/merge-patch+json"
WRITERS = 8  # writes at once
TRIES = 20  # of a request that the API server answers with 429


class Refused(Exception):
    """The API server's answer was an error."""

    def __init__(self, method, path, status, body):
        super().__init__(f"{method} {path}: {status} {body[:300]!r}")
        self.status = status


def path(kind, namespace=None, name=None, **query):
    """Where objects of a kind are, or one of them."""
    group, plural = GROUPS[kind]
    parts = ["", group, *(["namespaces", namespace] if namespace else []), plural, *([name] if name else [])]
    return "/".join(parts) + ("?" + urllib.parse.urlencode(query) if query else "")


class Api:
    """Connections are kept, one for each thread."""

    def __init__(self):
        self.local = threading.local()
        self.proxy = None
        view = subprocess.run(
            ["kubectl", "config", "view", "--raw", "--minify", "--flatten", "-o", "json"], check=True, capture_output=True
        )
        config = json.loads(view.stdout)
        cluster, user = config["clusters"][0]["cluster"], config["users"][0].get("user") or {}
        self.headers = {"Accept": "application/json"}
        if "token" in user:
            self.headers["Authorization"] = "Bearer " + user["token"]
        elif "client-certificate-data" not in user:
            return self._by_kubectl_proxy()
        self.server = urllib.parse.urlsplit(cluster["server"])
        self.tls = self._tls(cluster, user) if self.server.scheme == "https" else None

    def _tls(self, cluster, user):
        data = cluster.get("certificate-authority-data")
        tls = ssl.create_default_context(cadata=base64.b64decode(data).decode() if data else None)
        if cluster.get("insecure-skip-tls-verify"):
            tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
        if "client-certificate-data" in user:
            # Python takes a certificate from a file only.
            with tempfile.NamedTemporaryFile() as file:
                for part in ("client-certificate-data", "client-key-data"):
                    file.write(base64.b64decode(user[part]) + b"\n")
                file.flush()
                tls.load_cert_chain(file.name)
        return tls

    def _by_kubectl_proxy(self):
        """For logins that only kubectl knows. It adds its own time to writes."""
        self.proxy = subprocess.Popen(["kubectl", "proxy", "--port=0"], stdout=subprocess.PIPE, text=True)
        address = re.search(r"[\d.]+:\d+", self.proxy.stdout.readline()).group()
        self.server, self.tls = urllib.parse.urlsplit("http://" + address), None

    def close(self):
        if self.proxy:
            self.proxy.terminate()

    def connect(self, timeout=60):
        host, port = self.server.hostname, self.server.port
        if self.tls:
            return http.client.HTTPSConnection(host, port or 443, context=self.tls, timeout=timeout)
        return http.client.HTTPConnection(host, port or 80, timeout=timeout)

    def request(self, method, where, body=None, content="application/json"):
        """The answer's JSON. Raises Refused."""
        data = None if body is None else json.dumps(body)
        headers = self.headers if data is None else {**self.headers, "Content-Type": content}
        for attempt in range(TRIES):
            status, answer, wait = self._once(method, where, data, headers)
            if status != 429 or attempt == TRIES - 1:
                break
            time.sleep(float(wait or 1))
        if status >= 300:
            raise Refused(method, where, status, answer)
        return json.loads(answer)

    def _once(self, method, where, data, headers):
        for fresh in (False, True):
            connection = None if fresh else getattr(self.local, "connection", None)
            reused = connection is not None
            connection = self.local.connection = connection or self.connect()
            try:
                connection.request(method, where, data, headers)
                response = connection.getresponse()
                return response.status, response.read(), response.headers.get("Retry-After")
            except (OSError, http.client.HTTPException):
                # A kept connection may have been closed meanwhile.
                self.local.connection = None
                if not reused:
                    raise
        raise AssertionError("a fresh connection answers or raises")

    def get(self, kind, namespace=None, name=None, **query):
        return self.request("GET", path(kind, namespace, name, **query))

    def find(self, kind, namespace, name):
        """The object, or None."""
        try:
            return self.get(kind, namespace, name)
        except Refused as refused:
            if refused.status == 404:
                return None
            raise

    def create(self, thing):
        return self.request("POST", path(thing["kind"], thing["metadata"].get("namespace")), thing)

    def patch(self, kind, namespace, name, change):
        return self.request("PATCH", path(kind, namespace, name), change, MERGE)

    def create_all(self, things):
        """Many, several at once."""
        self._all(self.create, things)

    def delete_all(self, kind, namespace, names):
        self._all(lambda name: self.request("DELETE", path(kind, namespace, name)), names)

    def _all(self, do, over):
        with ThreadPoolExecutor(WRITERS) as pool:
            for _ in pool.map(do, over):
                pass


class Watch(threading.Thread):
    """Calls `see(type, object, now)` with every event of a kind in a namespace from now on; now is perf_counter_ns."""

    def __init__(self, api, kind, namespace, see):
        super().__init__(daemon=True)
        self.see, self.failure, self.stopped = see, None, False
        version = api.get(kind, namespace, limit=1)["metadata"]["resourceVersion"]
        self.connection = api.connect(timeout=None)
        where = path(kind, namespace, watch="1", resourceVersion=version, timeoutSeconds=7200)
        self.connection.request("GET", where, headers=api.headers)
        self.socket = self.connection.sock
        self.response = self.connection.getresponse()
        self.start()

    def run(self):
        rest = b""
        try:
            while piece := self.response.read1(1 << 16):
                now = time.perf_counter_ns()
                *lines, rest = (rest + piece).split(b"\n")
                for event in map(json.loads, lines):
                    if event["type"] == "ERROR":
                        raise RuntimeError(f"the watch failed: {event['object']}")
                    self.see(event["type"], event["object"], now)
            raise RuntimeError("the watch ended")
        except Exception as failure:  # told to whoever stops the watch
            self.failure = self.failure or (None if self.stopped else failure)

    def stop(self):
        """Ends it. Raises what went wrong, as what was counted would be too few."""
        self.stopped = True
        try:
            self.socket.shutdown(2)
        except OSError:
            pass
        self.join(10)
        if self.failure:
            raise self.failure


def until(what, seconds, condition, pause=0.05):
    """The first true answer of the condition; raises if there is none within these seconds."""
    end = time.monotonic() + seconds
    while not (answer := condition()):
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds} s for {what}")
        time.sleep(pause)
    return answer

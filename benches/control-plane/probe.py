"""Requests to one replica of a proxy, over a connection that is kept."""

import http.client
import queue
import threading
import time

PAUSE = 0.001  # seconds between two requests of a poll, and so what a time is right to
NOT_YET = 404


class Probe:
    """Answers of one replica."""

    def __init__(self, target):
        self.target, self.connection = target, None

    def get(self, host, at="/"):
        """Status and headers; 0 where there was no answer."""
        try:
            if self.connection is None:
                self.connection = http.client.HTTPConnection(*self.target, timeout=10)
            self.connection.request("GET", at, headers={"Host": host})
            response = self.connection.getresponse()
            response.read()
            return response.status, response.headers
        except (OSError, http.client.HTTPException):
            self.close()
            return 0, {}

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None


class Poller(threading.Thread):
    """Asks one replica for a host until it answers with a status, in a thread of its own: `ask`, then `took`."""

    def __init__(self, target, status, patience):
        super().__init__(daemon=True)
        self.probe, self.status, self.patience = Probe(target), status, patience
        self.jobs, self.results = queue.Queue(), queue.Queue()
        self.start()

    def ask(self, host):
        self.jobs.put(host)

    def took(self):
        """When the answer came (perf_counter_ns; None: not within the patience), and the errors before it."""
        return self.results.get(timeout=self.patience + 30)

    def run(self):
        while (host := self.jobs.get()) is not None:
            errors, end = 0, time.monotonic() + self.patience
            while True:
                status, _ = self.probe.get(host)
                now = time.perf_counter_ns()
                if status == self.status or time.monotonic() > end:
                    break
                errors += status != NOT_YET
                time.sleep(PAUSE)
            self.results.put((now if status == self.status else None, errors))
        self.probe.close()

    def stop(self):
        self.jobs.put(None)
        self.join(30)

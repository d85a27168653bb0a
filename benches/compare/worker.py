"""The other side: a process of this library, on one backend."""

import json
import os
import subprocess

from safetensors.torch import load_file


class Worker:
    def __init__(self, program, backend, scratch):
        self.backend, self.out = backend, scratch / f"{backend}.safetensors"
        pipe = subprocess.PIPE
        self.process = subprocess.Popen([program, "--backend", backend], stdin=pipe, stdout=pipe, text=True)

    def ask(self, request):
        self.process.stdin.write(json.dumps(request) + os.linesep)
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.backend} stopped at {request}; its error is above")
        return json.loads(line)

    def load(self, network, folder):
        self.ask({"load": {"network": network, "folder": str(folder)}})

    def first(self, method):
        """Seconds of the first call, and its relevance."""
        seconds = self.ask({"first": {"method": method, "out": str(self.out)}})["seconds"]
        return seconds, load_file(self.out)["relevance"]

    def double(self, method):
        """Relevance in double precision."""
        self.ask({"double": {"method": method, "out": str(self.out)}})
        return load_file(self.out)["relevance"]

    def again(self, method):
        return self.ask("forward" if method == "forward" else {"again": {"method": method}})["seconds"]

    def peak(self, method):
        """Bytes at the peak of a process that did nothing else than call the method twice."""
        self.ask({"first": {"method": method, "out": str(self.out)}})
        return self.ask({"again": {"method": method}})["peak"]

    def close(self):
        self.process.stdin.close()
        self.process.wait()

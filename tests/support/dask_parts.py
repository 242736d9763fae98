"""A Dask scheduler and workers as processes of their own, each to be killed, frozen or cut off."""

import os
import signal
import socket
import subprocess
import sys

SCHEDULER = ["-m", "distributed.cli.dask_scheduler", "--no-dashboard"]
WORKER = ["-m", "distributed.cli.dask_worker", "--no-dashboard", "--no-nanny", "--nthreads", "1"]


class Parts:
    """The processes of one cluster; `before` is put before each command, such as `ip netns exec NAME`."""

    def __init__(self, folder, host="127.0.0.1", before=()):
        self._folder, self._host, self._before = folder, host, before
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"tcp://{host}:{self.port}"
        self.processes = []
        self.start_scheduler()

    def start_scheduler(self):
        self.scheduler = self._start(*SCHEDULER, "--host", self._host, "--port", str(self.port))

    def start_worker(self, **more):
        folder = ["--local-directory", str(more.pop("directory", self._folder))]
        return self._start(*WORKER, self.address, "--host", self._host, *folder, **more)

    def _start(self, *words, **more):
        command = [*self._before, sys.executable, *words]
        env = os.environ | {"OMP_NUM_THREADS": "1"} | more
        streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.processes.append(subprocess.Popen(command, cwd=self._folder, env=env, **streams))
        return self.processes[-1]

    def end(self):
        for process in self.processes:
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()

"""Processes that koubai starts never hear Ctrl-C, the first of all included."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from support.host import environment

SCRIPT = """
import sys, time
from koubai.core.signals import spawning, unheard

if __name__ == "__main__":
    process = spawning().Process(target=time.sleep, args=(60,))
    with unheard():
        process.start()
    print(process.pid, flush=True)
    sys.stdin.read()
    process.kill()
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads what Linux tells of a process")
def test_the_first_process_that_is_started_does_not_hear_ctrl_c_from_its_first_moment(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "env": environment()}
    with subprocess.Popen([sys.executable, str(tmp_path / "script.py")], **pipes) as parent:
        status = Path(f"/proc/{int(parent.stdout.readline())}/status").read_text()
        parent.stdin.close()
    blocked = int(status.split("SigBlk:")[1].split()[0], 16)
    assert blocked >> (signal.SIGINT - 1) & 1

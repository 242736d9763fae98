"""Runs in folders, as the tests of Watch need them: written by hand, line by line, without a training."""

import json

from koubai.doctor.answer.diary import ABOUT, FINDINGS, FORMAT
from koubai.train.files import json_bytes
from koubai.train.history_file import Lines
from koubai.train.manifest import HISTORY, sealed

TOLD = {"en": ["K003 Vanishing gradient [severe]", "It vanishes."], "ja": ["K003 勾配消失", "消えています。"]}
FINDING = {"code": "K003", "severity": "severe", "first_step": 0, "told": TOLD}


class Written:
    """A watched run's folder that grows when it is told to."""

    def __init__(self, folder, **about):
        folder.mkdir(parents=True)
        self.folder, self.lines = folder, Lines()
        self.history = folder / HISTORY
        self.history.write_bytes(b"")
        own = {"format": FORMAT, "model": "Net", "planned": 1000, "parameters": 7, "began": "2026"}
        (folder / ABOUT).write_bytes(json_bytes(sealed(own | about)))

    def line(self, steps, values, quantity="loss", path=""):
        """Return the next line of the history, as it is appended."""
        row = {"path": path, "quantity": quantity, "steps": list(steps), "values": list(values)}
        return self.lines.add(json.dumps(row, separators=(",", ":")).encode())

    def add(self, *row, **names):
        """Append a line."""
        with self.history.open("ab") as file:
            file.write(self.line(*row, **names))

    def judge(self, state="ended", findings=(FINDING,), step=10):
        """Write what the doctor found."""
        verdict = {
            "verdict": "findings",
            "findings": list(findings),
            "unseen": [],
            "step": step,
            "state": state,
        }
        (self.folder / FINDINGS).write_bytes(json_bytes(sealed(verdict)))

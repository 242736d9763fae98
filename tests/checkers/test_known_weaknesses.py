"""scripts/known-weaknesses fails where pip-audit names a weakness, and counts what it could not examine."""

import runpy
from pathlib import Path

judge = runpy.run_path(str(Path(__file__).parents[2] / "scripts/known-weaknesses"))["judge"]
SOUND = {"name": "sound", "version": "1.0", "vulns": []}
UNKNOWN = {"name": "unknown", "skip_reason": "Dependency not found on PyPI and could not be audited"}
WEAK = {"name": "weak", "version": "2.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.1"]}]}


def test_what_is_weak_fails_with_its_name_and_the_way_out():
    lines, code = judge([SOUND, WEAK, UNKNOWN])
    assert code == 1
    assert lines[0] == "weak 2.0: PYSEC-1; mended in 2.1"
    assert lines[-1] == "pip-audit: 2 of 3 packages examined, 1 weaknesses known"


def test_what_was_not_examined_is_not_called_sound():
    assert judge([UNKNOWN]) == (["pip-audit: 0 of 1 packages examined, 0 weaknesses known"], 0)

"""Running `textenvs` as a user does, and what it took."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Sequence

from tests.conftest import ROOT


def run_command(arguments: Sequence[str]) -> resource.struct_rusage:
    """Run a `textenvs` command to its end; return what it and the processes that it started used.

    Raises:
        SystemExit: if it failed.
    """
    process = subprocess.Popen([sys.executable, "-m", "agents.cli", *arguments], cwd=ROOT)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"textenvs {' '.join(arguments)} ended with status {os.waitstatus_to_exitcode(status)}")
    return usage

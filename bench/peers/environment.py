"""A virtual environment with what a comparison needs from the Python registry."""

import os
import subprocess
import sys
import venv


def enter(folder, packages):
    """Runs this script again with the Python of `folder`, made on the first use, with the pinned packages installed."""
    if os.path.realpath(sys.prefix) == os.path.realpath(folder):
        return
    python = os.path.join(folder, "bin", "python")
    if not os.path.exists(python):
        venv.create(folder, with_pip=True)
    subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *packages], check=True)
    os.execv(python, [python, *sys.argv])

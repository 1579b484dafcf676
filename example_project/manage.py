"""Run Django's commands for the example site, with the options that it was last started with."""

from __future__ import annotations

import os
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_project.settings")
    from django.core.management import execute_from_command_line

    from example_project import settings

    if not settings.STATE.exists():
        sys.exit("Start the example first: .venv/bin/tox run -e example")
    execute_from_command_line(sys.argv)

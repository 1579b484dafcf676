"""Sets Django up, and runs ``main()`` of a module of this folder.

python configured.py MODULE
"""

from __future__ import annotations

import sys
from importlib import import_module

import django

if __name__ == "__main__":
    django.setup()
    import_module(sys.argv[1]).main()

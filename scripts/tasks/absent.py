"""End with 1 where a module that is named can be found: how `alone` proves that siblings cannot.

Run as `python -I absent.py MODULE...`, so that neither the folder nor PYTHONPATH is looked into.
"""

from __future__ import annotations

import importlib.util
import sys

found = [name for name in sys.argv[1:] if importlib.util.find_spec(name)]
sys.exit(f"can be imported, and must not be: {', '.join(found)}" if found else 0)

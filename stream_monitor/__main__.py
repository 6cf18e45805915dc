"""`python -m stream_monitor` is the command line."""

from __future__ import annotations

import sys

from stream_monitor.cli import main

sys.exit(main())

"""``python -m exporter`` is ``credits-exporter``."""

import sys

from exporter.cli import main

sys.exit(main())

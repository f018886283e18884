"""``python -m rescind`` is the command ``rescind``."""

import sys

from rescind._command import main

sys.exit(main())

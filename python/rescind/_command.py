"""The command line, which comes with the wheel."""

import sys

from rescind import _core


def main() -> int:
    """Run ``rescind`` with the words of the command line and return its exit status."""
    return _core.main(["rescind", *sys.argv[1:]])

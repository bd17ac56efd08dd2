"""``python -m corpusmill.jobs.proxy``."""

import sys

from corpusmill.jobs.runtime.main import main

raise SystemExit(main(["proxy", *sys.argv[1:]]))

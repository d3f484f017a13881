"""`python -m signwatch`."""

import sys

from signwatch.cli import main

sys.exit(main())

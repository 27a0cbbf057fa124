"""What the tests of planted bugs share: the module beside them, which is no package."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

"""What tests on the contracts need."""

from __future__ import annotations

import os

import pytest

from poolproof.evm import artifacts
from poolproof.spec.errors import UsageError


@pytest.fixture(scope="session")
def contracts() -> None:
    """The EVM and the contracts, where they are installed; a folder that was named must hold them."""
    try:
        artifacts.needed("pyrevm")
        artifacts.load()
    except UsageError as missing:
        if artifacts.FOLDER in os.environ:
            raise
        pytest.skip(str(missing))

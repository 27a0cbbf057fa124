"""Venus isolated pools: the Comptroller and the VTokens of @venusprotocol/isolated-pools 4.4.0."""

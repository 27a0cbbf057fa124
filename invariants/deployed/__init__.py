"""What must hold of deployed contracts: the claims of the catalogue on their exact models."""

"""What a change of parameters can cost: runs with the proposed parameters in which somebody loses."""

"""What exists: units, arithmetic, state, actions, invariants and the protocol file."""

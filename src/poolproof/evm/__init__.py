"""The contracts themselves: their bytecode in an EVM of this process, to confirm what a model shows."""

"""An EVM in this process: contracts are deployed, called and read, and what they refuse is told by name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from .artifacts import Contract, Emitted, Signature, decode, encode, keccak, needed, signature

_OUTPUT = re.compile(r"output: 0x([0-9a-f]*)")
_HALT = re.compile(r"Halt \{ reason: (\w+)")

_LARGEST_CONTRACT = 2**17
"""The pool's contract is compiled without one optimiser, and so exceeds the chain's limit [bytes]."""

_GAS = 2**50
_READER = f"0x{0xFF:040x}"
"""Who asks for views: nobody."""


class Reverted(Exception):
    """A contract refuses: the name of the error, and its arguments, addresses as they are."""

    def __init__(self, name: str, arguments: tuple[str, ...] = ()) -> None:
        """Keep the parts."""
        super().__init__(name, arguments)
        self.name = name
        self.arguments = arguments


class Machine:
    """An EVM at a block and a time, where gas costs nothing.

    ``names`` replaces addresses in what contracts refuse with.
    """

    def __init__(self, contracts: Iterable[Contract], names: Mapping[str, str]) -> None:
        self._pyrevm = needed("pyrevm")
        limits = self._pyrevm.CfgEnv(limit_contract_code_size=_LARGEST_CONTRACT)
        self._evm = self._pyrevm.EVM(env=self._pyrevm.Env(cfg=limits), gas_limit=_GAS, spec_id="SHANGHAI")
        self._names = names
        built_in = (signature("Error", ("string",)), signature("Panic", ("uint256",)))
        self._errors: dict[bytes, Signature] = {error.selector: error for error in built_in}
        self._events: dict[bytes, Emitted] = {}
        for contract in contracts:
            self._errors |= contract.errors
            self._events |= contract.events

    def at(self, block: int, timestamp: int) -> None:
        """Let what follows happen in this block, at this time [s]."""
        self._evm.set_block_env(self._pyrevm.BlockEnv(number=block, timestamp=timestamp, gas_limit=_GAS))

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Undo at the end whatever happens in between."""
        checkpoint = self._evm.snapshot()
        try:
            yield
        finally:
            self._evm.revert(checkpoint)

    def place(self, address: str, code: bytes) -> None:
        """Put code at an address."""
        self._evm.insert_account_info(address, self._pyrevm.AccountInfo(code=code))

    def deploy(self, sender: str, contract: Contract, *arguments: Any) -> str:
        """Deploy a contract; its address."""
        try:
            address: str = self._evm.deploy(sender, contract.creation(arguments))
        except RuntimeError as error:
            raise self._told(error) from None
        return address.lower()

    def call(self, sender: str, address: str, contract: Contract, function: str, *arguments: Any) -> None:
        """Call a function, for its effect; a contract that calls has no code for as long, as only then it may begin."""
        code = self._evm.get_code(sender)
        if code:
            self.place(sender, b"")
        try:
            self._message(sender, address, contract.call(function, arguments), is_static=False)
        finally:
            if code:
                self.place(sender, bytes(code))

    def emitted(self) -> list[tuple[str, str, tuple[str | bool, ...]]]:
        """The events of the last call: who emitted it, its name, its arguments; addresses by their names."""
        found = []
        for log in self._evm.result.logs:
            topics, data = log.data
            known = self._events[bytes(topics[0])]
            values = known.values(topics, data)
            kinds = [kind for kind, _ in known.arguments]
            shown = tuple(
                value if isinstance(value, bool) else self._named(kind, value)
                for kind, value in zip(kinds, values, strict=True)
            )
            found.append((self._named("address", log.address), known.name, shown))
        return found

    def view(self, address: str, contract: Contract, function: str, *arguments: Any) -> tuple[Any, ...]:
        """Call a function, for its answer."""
        data = self._message(_READER, address, contract.call(function, arguments), is_static=True)
        return contract.answer(function, data)

    def entry(self, address: str, slot: int, key: str, words: int) -> Sequence[int]:
        """Words of a mapping's entry for an address, where no function tells them."""
        first = int.from_bytes(keccak(encode(("address", "uint256"), (key, slot))))
        return [self._evm.storage(address, first + word) for word in range(words)]

    def write_entry(self, address: str, slot: int, key: str, value: int) -> None:
        """Write the first word of a mapping's entry for an address, where no function does only that."""
        first = int.from_bytes(keccak(encode(("address", "uint256"), (key, slot))))
        self._evm.insert_account_storage(address, first, value)

    def _message(self, sender: str, address: str, data: bytes, *, is_static: bool) -> bytes:
        """Send a message; what comes back."""
        try:
            answer: bytes = self._evm.message_call(sender, address, data, is_static=is_static)
        except RuntimeError as error:
            raise self._told(error) from None
        return answer

    def _told(self, error: RuntimeError) -> Exception:
        """What a contract refused with; what is not a refusal stays as it is."""
        text = str(error)
        if halted := _HALT.search(text):
            return Reverted("Halt", (halted[1],))
        if (output := _OUTPUT.search(text)) is None:
            return error
        data = bytes.fromhex(output[1])
        if (known := self._errors.get(data[:4])) is None:
            return Reverted("Unknown", (f"0x{output[1]}",))
        values = decode(known.takes, data[4:])
        return Reverted(known.name, tuple(map(self._shown, [known] * len(values), known.takes, values)))

    def _shown(self, error: Signature, kind: str, value: Any) -> str:
        """An argument of an error: an address by its name, a panic's code in hexadecimal."""
        return hex(value) if error.name == "Panic" else self._named(kind, value)

    def _named(self, kind: str, value: Any) -> str:
        """A value as text: an address by its name."""
        return self._names.get(value.lower(), value) if kind == "address" else str(value)

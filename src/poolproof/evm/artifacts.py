"""The contracts' compiled files: where they are, that they are the recorded ones, and how they are called."""

from __future__ import annotations

import hashlib
import importlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from poolproof.spec.errors import UsageError, shown_path, shown_plain

FOLDER = "POOLPROOF_VENUS"
"""The environment variable that names the folder in which the package was installed."""

PACKAGE = "@venusprotocol/isolated-pools"
VERSION = "4.4.0"

BYTECODE = {
    "contracts/VToken.sol/VToken": "76f9e707f5f8118fd9cbca77cae1734e126a0b56029968986cddadde40599c7c",
    "contracts/Comptroller.sol/Comptroller": "65b38e82a19f3e33adc4d0891cd1c26f177e0d621a5684838eca990d5053ab0d",
    "contracts/Pool/PoolRegistry.sol/PoolRegistry": "fed1bd10898007259a0fda064250bafbcf6e915277bfbb19f48a088d3ffc5fd5",
    "contracts/Rewards/RewardsDistributor.sol/RewardsDistributor": (
        "c6750cdc4c09648b11528518b4247ba1ac7fb6416c21edf13d988a282497a8d2"
    ),
    "contracts/JumpRateModelV2.sol/JumpRateModelV2": "40ea792584ec34cb84ddfb12df84460619f63c0a9941c3f5bd35179e842abd34",
    "contracts/WhitePaperInterestRateModel.sol/WhitePaperInterestRateModel": (
        "9ef79ccc113f95aed454c0789cad49709bb0ddd3fb48bd00ed346b4bdf35c799"
    ),
    "contracts/TwoKinksInterestRateModel.sol/TwoKinksInterestRateModel": (
        "ae6659a0edbde5bb4907265fa2eb41ab0ef8b936cec637667e1aa690cc9d7852"
    ),
    "contracts/test/Mocks/MockToken.sol/MockToken": "38c81777698cef0f2845ca51b60ebb4eb15f88171fa8030449600d897f49547e",
    "contracts/test/Mocks/MockPriceOracle.sol/MockPriceOracle": (
        "72b9943398a03159cb10ce75346a83609e50904936c8eb040b4b3c065a973ed3"
    ),
    "@openzeppelin/contracts/proxy/beacon/UpgradeableBeacon.sol/UpgradeableBeacon": (
        "5930735cddd68a51d8f009282353b5747a3a59fff16e3e73bbf4857f7b90db77"
    ),
    "@openzeppelin/contracts/proxy/beacon/BeaconProxy.sol/BeaconProxy": (
        "fa5dd444f63895fe7139590f15c91ae84ffc109dab19b9cca29e2c9599e3d26f"
    ),
    "hardhat-deploy/solc_0.8/openzeppelin/proxy/ERC1967/ERC1967Proxy.sol/ERC1967Proxy": (
        "07694deb3b7d8f6728dbca3e32064c35e1ee35b94eaf0c9f00d7b17b4cd4c05e"
    ),
}
"""Each compiled file, below `artifacts/` of the package, with the SHA-256 of its bytecode."""


@dataclass(frozen=True)
class Signature:
    """A function, a constructor or an error: its selector, and the types that it takes and gives."""

    name: str
    selector: bytes
    takes: tuple[str, ...]
    gives: tuple[str, ...] = ()


@dataclass(frozen=True)
class Emitted:
    """An event: its name, and of each argument the type and whether it is a topic."""

    name: str
    arguments: tuple[tuple[str, bool], ...]

    def values(self, topics: Sequence[bytes], data: bytes) -> list[Any]:
        """The arguments of a log, in order; the first topic is the event's own."""
        of_topics = iter(topics[1:])
        of_data = iter(decode([kind for kind, is_topic in self.arguments if not is_topic], data))
        return [decode((kind,), next(of_topics))[0] if is_topic else next(of_data) for kind, is_topic in self.arguments]


@dataclass
class Contract:
    """A compiled contract: its bytecode, its functions by name and by name with types, its errors and events by hash."""

    name: str
    bytecode: bytes
    takes: tuple[str, ...] = ()
    functions: dict[str, Signature] = field(default_factory=dict)
    errors: dict[bytes, Signature] = field(default_factory=dict)
    events: dict[bytes, Emitted] = field(default_factory=dict)

    def creation(self, arguments: Sequence[Any]) -> bytes:
        """The code that deploys it."""
        return self.bytecode + encode(self.takes, arguments)

    def call(self, function: str, arguments: Sequence[Any]) -> bytes:
        """The data of a call."""
        signature = self.functions[function]
        return signature.selector + encode(signature.takes, arguments)

    def answer(self, function: str, data: bytes) -> tuple[Any, ...]:
        """What a call gave back."""
        return decode(self.functions[function].gives, data)


def needed(module: str) -> Any:
    """A module of the optional extra.

    Refuses: a module that is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        rule = f"running the contracts needs the Python package {module.partition('.')[0]}, which is not installed"
        raise UsageError(rule, "evm", _how_to_install()) from None


def encode(types: Sequence[str], values: Sequence[Any]) -> bytes:
    """Values as the contracts take them.

    Refuses: a value that their types cannot hold.
    """
    try:
        encoded: bytes = needed("eth_abi").encode(types, values)
    except needed("eth_abi.exceptions").EncodingError as error:
        rule = f"no contract takes this: {shown_plain(str(error))}"
        raise UsageError(rule, "evm", "keep amounts within 256 bits") from None
    return encoded


def decode(types: Sequence[str], data: bytes) -> tuple[Any, ...]:
    """Values from what a contract gave."""
    decoded: tuple[Any, ...] = needed("eth_abi").decode(types, data)
    return decoded


def keccak(data: bytes) -> bytes:
    """The hash of the EVM."""
    digest: bytes = needed("Crypto.Hash.keccak").new(digest_bits=256, data=data).digest()
    return digest


def load() -> dict[str, Contract]:
    """Each contract by its name.

    Refuses: a package that is not found, a file that cannot be read, and bytecode that is not the recorded one.
    """
    folder = package() / "artifacts"
    return {path.rsplit("/", 1)[1]: _contract(folder / f"{path}.json", digest) for path, digest in BYTECODE.items()}


def package() -> Path:
    """The folder of the installed package."""
    named = os.environ.get(FOLDER)
    roots = [Path(named)] if named else [Path.cwd()]
    for root in roots:
        for package in (root / "node_modules" / PACKAGE, root):
            if (package / "artifacts" / "contracts").is_dir():
                return package
    where = f"{FOLDER}={shown_path(named)}" if named else "the current folder"
    raise UsageError(f"{PACKAGE} is not installed here", where, _how_to_install())


def _how_to_install() -> str:
    """What to type for all that is needed; of the npm packages nothing is executed but bytecode, by the EVM."""
    here = Path(__file__).parent
    return (
        "install the Python side with: pip install 'poolproof[evm]'; and the contracts, in an empty folder, with: "
        f"cp {here}/package*.json . && npm ci --ignore-scripts --legacy-peer-deps; then set {FOLDER} to that folder"
    )


def _contract(path: Path, digest: str) -> Contract:
    """A contract from its compiled file."""
    where = shown_path(str(path))
    try:
        content = json.loads(path.read_bytes())
        bytecode = bytes.fromhex(content["bytecode"].removeprefix("0x"))
        abi = content["abi"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise UsageError("this is not the compiled file of a contract", where, _how_to_install()) from None
    if hashlib.sha256(bytecode).hexdigest() != digest:
        raise UsageError(f"this is not the bytecode of {PACKAGE} {VERSION}", where, _how_to_install())
    contract = Contract(path.stem, bytecode)
    for entry in abi:
        takes = tuple(map(_type, entry.get("inputs", ())))
        match entry["type"]:
            case "constructor":
                contract.takes = takes
            case "function":
                gives = tuple(map(_type, entry["outputs"]))
                named = signature(entry["name"], takes, gives)
                contract.functions[entry["name"]] = contract.functions[_spelled(entry["name"], takes).decode()] = named
            case "error":
                error = signature(entry["name"], takes)
                contract.errors[error.selector] = error
            case "event":
                indexed = [bool(argument["indexed"]) for argument in entry["inputs"]]
                topic = keccak(_spelled(entry["name"], takes))
                contract.events[topic] = Emitted(entry["name"], tuple(zip(takes, indexed, strict=True)))
    return contract


def signature(name: str, takes: tuple[str, ...], gives: tuple[str, ...] = ()) -> Signature:
    """A signature, with the selector that its name and types give it."""
    return Signature(name, keccak(_spelled(name, takes))[:4], takes, gives)


def _spelled(name: str, takes: tuple[str, ...]) -> bytes:
    """A signature as it is hashed."""
    return f"{name}({','.join(takes)})".encode()


def _type(described: dict[str, Any]) -> str:
    """A type as a signature spells it: a structure is the list of its fields' types."""
    name: str = described["type"]
    if not name.startswith("tuple"):
        return name
    return f"({','.join(map(_type, described['components']))}){name.removeprefix('tuple')}"

"""The command line: what users type, and what each way to end is worth.

A command imports what it needs when it runs, so that `poolproof --help` answers at once.
"""

from __future__ import annotations

import io
import math
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from poolproof import __version__
from poolproof.spec.errors import UsageError

WRONG_USAGE = 3
OWN_ERROR = 4
INTERRUPTED = 130
PIPE_CLOSED = 141
"""As the shell reports a program that SIGPIPE ended; an exit code of ours would be a verdict."""


class Checks(StrEnum):
    """What `fuzz` checks after every action."""

    ALL = "all"
    NONE = "none"


app = typer.Typer(
    name="poolproof",
    help="Decide whether a lending protocol keeps its promises.",
    epilog="PROTOCOL is the name of a shipped protocol or the path of a .toml file.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help takes 0.06 s, the decorated one 0.14 s and more
    context_settings={"help_option_names": ["-h", "--help"]},
)

ProtocolName = Annotated[
    str, typer.Argument(metavar="PROTOCOL", help="A shipped protocol's name, or the path of a .toml file.")
]
JsonFile = Annotated[
    str | None, typer.Option("--json", metavar="FILE", help="Write the result as JSON; - is standard output.")
]
StateFile = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="Start from this state: JSON, as a trace has it in its start."),
]
SarifFile = Annotated[
    str | None, typer.Option("--sarif", metavar="FILE", help="Write the report as SARIF, for code scanning.")
]
JunitFile = Annotated[
    str | None, typer.Option("--junit", metavar="FILE", help="Write the report as JUnit XML, for test pages.")
]
MarkdownFile = Annotated[
    str | None, typer.Option("--markdown", metavar="FILE", help="Write the report as a comment on a pull request.")
]
HtmlFile = Annotated[str | None, typer.Option("--html", metavar="FILE", help="Write the report as one page.")]
Seed = Annotated[int, typer.Option(min=0, metavar="N", help="Seed of random choices; the same seed, the same run.")]
Jobs = Annotated[int | None, typer.Option(min=1, max=1024, metavar="N", help="Worker processes.")]
TracesFolder = Annotated[
    Path | None, typer.Option("--traces", metavar="FOLDER", help="Write each trace as a file for `replay`.")
]


@app.command()
def protocols(json: JsonFile = None) -> int:
    """List the shipped protocols."""
    from .commands_catalogue import protocols as run
    from .console import Output

    return run(Output(json))


@app.command()
def invariants(
    protocol: Annotated[
        str | None, typer.Argument(metavar="[PROTOCOL]", help="Only those that apply to this protocol.")
    ] = None,
    json: JsonFile = None,
) -> int:
    """List the invariants: ids, claims, kinds, conditions."""
    from .commands_catalogue import invariants as run
    from .console import Output

    return run(Output(json), protocol)


@app.command()
def explain(
    invariant: Annotated[str, typer.Argument(metavar="ID", help="An invariant's id, like SOLV-3.")],
    json: JsonFile = None,
) -> int:
    """Show one invariant: its claim, formal text and reason."""
    from .commands_catalogue import explain as run
    from .console import Output

    return run(Output(json), invariant)


@app.command()
def check(
    protocol: ProtocolName,
    state: StateFile = None,
    only: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Decide only this invariant; may be repeated.")
    ] = None,
    engine: Annotated[
        list[str] | None,
        typer.Option(metavar="E", help="Use only this engine: prove, search, explore, fuzz or crosshair; repeatable."),
    ] = None,
    budget: Annotated[int | None, typer.Option(min=1, metavar="N", help="Solver resources for one obligation.")] = None,
    jobs: Jobs = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Use and keep no evidence.")] = False,
    second_opinion: Annotated[
        bool, typer.Option("--second-opinion", help="Ask a second solver about every proof.")
    ] = False,
    seed: Seed = 0,
    traces: TracesFolder = None,
    sarif: SarifFile = None,
    junit: JunitFile = None,
    markdown: MarkdownFile = None,
    html: HtmlFile = None,
    json: JsonFile = None,
) -> int:
    """Decide each invariant of a protocol: the main job."""
    from .commands_check import run_check
    from .console import Output

    return run_check(
        Output(json, {"--sarif": sarif, "--junit": junit, "--markdown": markdown, "--html": html}),
        protocol,
        state=state,
        only=only or (),
        engines=engine or (),
        budget=budget,
        jobs=jobs,
        use_cache=not no_cache,
        second_opinion=second_opinion,
        seed=seed,
        traces=traces,
    )


@app.command()
def fuzz(
    protocol: ProtocolName,
    state: StateFile = None,
    seconds: Annotated[
        float | None, typer.Option(min=0, metavar="S", help="How long to run; 10 unless --steps is given.")
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, metavar="N", help="How many actions to run.")] = None,
    seed: Seed = 0,
    jobs: Jobs = None,
    checks: Annotated[Checks, typer.Option(help="Which invariants to check after every action.")] = Checks.ALL,
    traces: TracesFolder = None,
    json: JsonFile = None,
) -> int:
    """Run random sequences, and check after every action."""
    if seconds is not None and steps is not None:
        raise UsageError("--seconds and --steps are both given", "fuzz", "keep one of them")
    if seconds is not None and not math.isfinite(seconds):
        raise UsageError(f"{seconds} is not a number of seconds", "--seconds", "write one like 30")
    from .commands_runs import run_fuzz
    from .console import Output

    return run_fuzz(
        Output(json),
        protocol,
        state=state,
        seconds=seconds,
        steps=steps,
        seed=seed,
        jobs=jobs,
        checks=checks.value,
        traces=traces,
    )


@app.command()
def explore(
    protocol: ProtocolName,
    depth: Annotated[int, typer.Option(min=0, metavar="N", help="Most actions from an opening.")] = 3,
    traces: TracesFolder = None,
    json: JsonFile = None,
) -> int:
    """Visit every state of a small world."""
    from .commands_runs import run_explore
    from .console import Output

    return run_explore(Output(json), protocol, depth=depth, traces=traces)


@app.command()
def replay(
    trace: Annotated[str, typer.Argument(metavar="TRACE.json", help="A trace file.")],
    evm: Annotated[
        bool, typer.Option("--evm", help="Run it on the contracts' bytecode too, and compare everything.")
    ] = False,
    json: JsonFile = None,
) -> int:
    """Run a trace, and say whether it breaks as recorded."""
    from .commands_runs import run_replay
    from .console import Output

    return run_replay(Output(json), trace, on_evm=evm)


@app.command()
def conform(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model of deployed contracts, like venus.")],
    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help="Recorded traces: files or folders.")],
    traces: Annotated[
        Path | None,
        typer.Option(
            "--traces", metavar="FOLDER", help="Write each recording as a file for `replay`, where it can be."
        ),
    ] = None,
    json: JsonFile = None,
) -> int:
    """Replay recorded traces of the real contracts."""
    from .commands_conform import run_conform
    from .console import Output

    return run_conform(Output(json), model, paths, traces)


@app.command()
def contagion(
    protocol: ProtocolName,
    state: StateFile = None,
    shock: Annotated[
        list[str] | None,
        typer.Option(metavar="ASSET=CHANGE", help="Move a price, like ETH=-0.4 for minus 40 %; may be repeated."),
    ] = None,
    keep_under: Annotated[
        list[str] | None,
        typer.Option(
            metavar="POOL/ASSET=AMOUNT",
            help="Say which line limits to lower so that this market loses at most so much; may be repeated.",
        ),
    ] = None,
    failing: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NODE",
            help="Let this pool, market or credit line fail together with the others named so; all pools otherwise.",
        ),
    ] = None,
    svg: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw the network as SVG.")] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the analysis as a page.")] = None,
    json: JsonFile = None,
) -> int:
    """Show what pools can do to each other, and the worst losses."""
    from .commands_contagion import run_contagion
    from .console import Output

    return run_contagion(
        Output(json),
        protocol,
        state=state,
        shocks=shock or (),
        keep_under=keep_under or (),
        failing=failing or (),
        svg=svg,
        html=html,
    )


@app.command()
def gate(
    base: Annotated[str, typer.Argument(metavar="BASE", help="The protocol in force: a file, or a shipped protocol.")],
    head: Annotated[str, typer.Argument(metavar="HEAD", help="The protocol that is to take its place.")],
    state: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Name the accounts of this state of BASE that become liquidatable: JSON."),
    ] = None,
    jobs: Jobs = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Use and keep no evidence.")] = False,
    traces: TracesFolder = None,
    sarif: SarifFile = None,
    junit: JunitFile = None,
    markdown: MarkdownFile = None,
    html: HtmlFile = None,
    json: JsonFile = None,
) -> int:
    """Compare two protocol files: may the second take the place of the first, and how far could each change go."""
    from .commands_gate import run_gate
    from .console import Output

    files = {"--sarif": sarif, "--junit": junit, "--markdown": markdown, "--html": html}
    output = Output(json, files)
    return run_gate(output, base, head, state=state, jobs=jobs, use_cache=not no_cache, traces=traces)


@app.command()
def claims(
    model: Annotated[
        str | None,
        typer.Argument(metavar="[MODEL]", help="Only those made of this model, or of this protocol (name or path)."),
    ] = None,
    jobs: Jobs = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Use and keep no evidence.")] = False,
    traces: TracesFolder = None,
    json: JsonFile = None,
) -> int:
    """Decide what the protocols say of themselves."""
    from .commands_claims import run_claims
    from .console import Output

    return run_claims(Output(json), model, jobs=jobs, use_cache=not no_cache, traces=traces)


@app.command()
def schema(json: JsonFile = None) -> int:
    """Print the JSON Schema of protocol files."""
    from .commands_catalogue import schema as run
    from .console import Output

    return run(Output(json))


@app.command()
def cache(
    prune: Annotated[
        int | None,
        typer.Option(min=0, metavar="DAYS", help="Remove what was not used for so many days; 0 is everything."),
    ] = None,
    json: JsonFile = None,
) -> int:
    """Show where the evidence is kept, or prune it."""
    from .commands_cache import cache as run
    from .console import Output

    return run(Output(json), prune)


def _print_version(asked: bool) -> None:
    """Answer `--version`."""
    if asked:
        typer.echo(f"poolproof {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    pass


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command, and turn every way to end into its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal without a character shows its code
    command = typer.main.get_command(app)
    words = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    try:
        with _termination_as_interrupt(), command.make_context("poolproof", words) as context:
            code: int = command.invoke(context)
            sys.stdout.flush()
            return code
    except typer.Exit as done:
        return done.exit_code
    except UsageError as wrong:
        return _tell(str(wrong), WRONG_USAGE)
    except typer.TyperException as wrong:
        return _tell(_wording(wrong), WRONG_USAGE)
    except (KeyboardInterrupt, typer.Abort):
        return _tell("interrupted", INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except Exception as error:  # noqa: BLE001 - whatever else happens is an error of ours
        return _tell_of_own_error(error)


@contextmanager
def _termination_as_interrupt() -> Iterator[None]:
    """Take a request to terminate as Ctrl-C: what was decided is printed and kept."""
    if threading.current_thread() is not threading.main_thread():
        yield  # a program that calls us keeps its own handlers
        return
    mine = os.getpid()

    def interrupt(_signal: int, _frame: object) -> NoReturn:
        if os.getpid() != mine:
            os._exit(128 + signal.SIGTERM)  # a forked worker ends without a word
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _tell(message: str, code: int) -> int:
    """Say on standard error why the command ends, and give its exit code."""
    print(message if code == INTERRUPTED else f"error: {message}", file=sys.stderr)  # noqa: T201 - it is the door
    return code


def _wording(wrong: typer.TyperException) -> str:
    """The parser's message in our words: lower case, no full stop, and the cure."""
    message = " ".join(wrong.format_message().split()).rstrip(".")
    context = getattr(wrong, "ctx", None)
    command = context.command_path if context is not None else "poolproof"
    return f"{message[:1].lower()}{message[1:]}; see `{command} --help`"


def _in_an_installed_model(error: Exception) -> str | None:
    """Where the code of a package that brings models was at work when an error arose, if it was."""
    points = [*entry_points(group="poolproof.models"), *entry_points(group="poolproof.invariants")]
    packages = {point.module.partition(".")[0] for point in points}
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        module = str(frame.f_globals.get("__name__", ""))
        if module.partition(".")[0] in packages:
            return f"{module}.{frame.f_code.co_name}, line {line}"
    return None


def _tell_of_own_error(error: Exception) -> int:
    """Say that the error is ours, and how to report it; the traceback only for those who ask."""
    if os.environ.get("POOLPROOF_DEBUG") == "1":
        traceback.print_exception(error)
    cause = " ".join(f"{type(error).__name__}: {error}".split())[:500]
    if (place := _in_an_installed_model(error)) is not None:
        return _tell(f"{place}: the code of an installed model fails: {cause}; repair the package", WRONG_USAGE)
    report = "please report it with the command and its files"
    debug = "POOLPROOF_DEBUG=1 shows the traceback"
    return _tell(f"an error of our own: {cause}; {report}; {debug}", OWN_ERROR)

"""The seam to the solvers: the one module that imports z3.

A task is SMT-LIB text and a budget in solver resources, so a verdict does not depend on the machine.  Strategies are
tried in order until one decides; the order changes the time, never the verdict.
"""

from __future__ import annotations

import importlib
import importlib.util
import time
from typing import Any

import z3

from .tasks import Result, Task

STRATEGIES = ("z3-light", "z3-simple", "z3", "z3-nla")
"""The ways of z3 to decide a task, the fastest on our obligations first."""

LEFT_OUT = ("smt.arith.nl.grobner", "smt.arith.nl.horner")
"""What the light way leaves out: it is as good on our obligations without, in less than half the time."""

GIVE_UP = 40.0
"""A guard besides the budget: some steps of a solver count no resources.  What it ends is never kept [s]."""


def versions() -> dict[str, str]:
    """The solvers that are installed, with their versions."""
    found = {"z3": z3.get_version_string()}
    if importlib.util.find_spec("cvc5") is not None:
        found["cvc5"] = str(importlib.import_module("cvc5").__version__)
    return found


def decide_text(text: str, budget: int, strategies: tuple[str, ...] = STRATEGIES) -> dict[str, Any]:
    """Decide SMT-LIB text: status "unsat", "sat" or "unknown", the strategy, seconds, and a model when sat."""
    started = time.perf_counter()
    reason = "no strategy"
    for strategy in strategies:
        status, model, reason = _run(text, budget, strategy)
        if status != "unknown":
            seconds = time.perf_counter() - started
            return {"status": status, "solver": strategy, "seconds": seconds, "model": model, "reason": None}
    seconds = time.perf_counter() - started
    return {"status": "unknown", "solver": None, "seconds": seconds, "model": None, "reason": reason}


def solve_task(task: Task) -> Result:
    """Answer a task: what a worker does."""
    answer = decide_text(task.text, task.budget, task.solvers)
    return Result(task.key, **answer, evidence=answer["seconds"] < GIVE_UP)


def _run(text: str, budget: int, strategy: str) -> tuple[str, dict[str, int] | None, str]:
    if strategy == "cvc5":
        return _run_cvc5(text, budget)
    context = z3.Context()
    if strategy in ("z3-light", "z3-simple"):
        solver = z3.SimpleSolver(ctx=context)
        if strategy == "z3-light":
            for name in LEFT_OUT:
                solver.set(name, False)
    elif strategy == "z3-nla":
        solver = z3.SolverFor("QF_NIA", ctx=context)
    else:
        solver = z3.Solver(ctx=context)
    solver.set("rlimit", budget)
    solver.set("timeout", int(GIVE_UP * 1000))
    solver.from_string(text)
    answer = str(solver.check())
    if answer == "sat":
        model = solver.model()
        values: dict[str, int] = {}
        for name in model.decls():
            value = model[name]
            if isinstance(value, z3.IntNumRef):
                values[name.name()] = value.as_long()
            elif z3.is_true(value) or z3.is_false(value):
                values[name.name()] = int(z3.is_true(value))
        return "sat", values, ""
    return answer, None, f"{strategy}: {solver.reason_unknown()}" if answer == "unknown" else ""


def _run_cvc5(text: str, budget: int) -> tuple[str, dict[str, int] | None, str]:
    cvc5: Any = importlib.import_module("cvc5")

    solver = cvc5.Solver()
    solver.setOption("rlimit", str(budget))
    solver.setOption("nl-ext-tplanes", "true")
    parser = cvc5.InputParser(solver)
    parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, "(set-logic QF_NIA)\n" + text, "obligation")
    symbols = parser.getSymbolManager()
    answer = "unknown"
    while True:
        command = parser.nextCommand()
        if command.isNull():
            break
        printed = str(command.invoke(solver, symbols)).strip()
        if printed in ("sat", "unsat", "unknown"):
            answer = printed
    return answer, None, "cvc5: out of resources" if answer == "unknown" else ""

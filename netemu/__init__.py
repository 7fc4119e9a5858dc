"""netemu: what did the kernel do, and why?

::

    experiments/*.py --> Experiment --> Plan (JSON) --> Kernel.execute --> Recording (a directory)
     topologies/*.py        |                                |  captures, agent logs, samples, counters, wires
                            |                                v
                            +---- claims, figures <---- Tables (Parquet) <---- analysis
                                         +--------> results/<experiment>/<run>/

Imports go strictly to a lower tier, never up, never to a sibling of the same tier (tests/test_tiers.py)::

    T0 errors units seq spread load cache   T1 packet specs recording compiled
    T2 topology link stack trace agents     T3 lab sim   T4 kernels figures
    T5 experiment results report compare    T6 session comparison repeats fidelity   T7 cli
"""

__version__ = "0.1.0"

_PUBLIC = {
    "Experiment": "netemu.experiment",
    "Plan": "netemu.specs",
    "Recording": "netemu.recording.layout",
    "Run": "netemu.experiment",
    "analyze": "netemu.trace",
    "compile_graph": "netemu.topology",
    "load_experiment": "netemu.experiment.load",
    "run_experiment": "netemu.session",
}
__all__ = ["Experiment", "Plan", "Recording", "Run", "analyze", "compile_graph", "load_experiment", "run_experiment"]


def __getattr__(name: str) -> object:
    """A public name, imported when it is first used: agents inside hosts import this package and must start fast."""
    if name not in _PUBLIC:
        raise AttributeError(f"module 'netemu' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_PUBLIC[name]), name)

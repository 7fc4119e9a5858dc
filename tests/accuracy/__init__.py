"""How truthful are the analyzer's verdicts? Precision and recall per class against what kernels and wires did.

::

    scenario --> lab --> frames --> truth (kernel's tracepoints and counters, both ends' captures)
                            |          |
                            +--> tools (netemu, tshark, tcptrace) --> score --> table

``python -m tests.accuracy --seed S --runs N [--kernel K ...] [--json]``; docs/analysis.md explains the table.
"""

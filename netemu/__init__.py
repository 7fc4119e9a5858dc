"""netemu: what did the kernel do, and why?

::

    experiments/*.py --> Experiment --> Plan (JSON) --> Kernel.execute --> Recording (a directory)
     topologies/*.py        |                                |  captures, agent logs, samples, counters, wires
                            |                                v
                            +---- claims, figures <---- Tables (Parquet) <---- analysis
                                         +--------> results/<experiment>/<run>/

Imports go strictly to a lower tier, never up, never to a sibling of the same tier (tests/test_tiers.py)::

    T0 errors units seq      T1 packet specs recording      T2 topology link trace agents
    T3 lab                   T4 kernels figures             T5 experiment results report      T6 session      T7 cli
"""

__version__ = "0.1.0"

"""How faithful the models are: the same plans on a model and on a real kernel, packet by packet.

::

    Scenario --> Plan --+--> uml:7.2?time=virtual --> captures --\\                     /--> table, JSON
    (data, or seed      |    (kept by plan and kernel)            packets --> aligned --
     and index)         +--> model:linux-7 ---------> captures --/                     \\--> first difference, cause

A scenario is data: a path, what happens on it, programs at its ends (:mod:`netemu.fidelity.scenario`). Those with names
cover the mechanisms; :mod:`netemu.fidelity.generator` makes any number more, each a pure function of seed and index.
"""

from netemu import compiled

compiled.arrange()

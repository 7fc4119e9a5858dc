"""Programs that run inside hosts: traffic, capture, socket sampling, tracing. Standard library only, start in < 50 ms.

``python -S -s -m netemu.agents SPEC.json`` runs one of them; docs/agents.md lists programs, arguments and the
protocol (``ready``, ``go <t0>``, ``stop``, one JSON summary).
"""

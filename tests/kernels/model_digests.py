"""What runs of scenarios leave, as digests, for one form of the models beside the other.

``python -m tests.kernels.model_digests KERNEL DIRECTORY [NAME ...]`` runs the named fidelity scenarios (all without
names) in this process's form, and prints ``{"form": .., "runs": {name: {file: SHA-256}}}``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from netemu import compiled

FORMS = ("compiled", "interpreted")


def main(kernel: str, directory: Path, names: list[str]) -> int:
    """Run and print."""
    compiled.arrange()
    from netemu.fidelity.scenarios import NAMED
    from netemu.kernels.model import ModelKernel
    from netemu.recording.account import read_account, write_account
    from netemu.recording.digest import file_digests
    from netemu.recording.layout import Recording

    runs = {}
    for scenario in NAMED:
        if not names or scenario.name in names:
            (directory / scenario.name).mkdir(parents=True)
            recording = Recording(directory / scenario.name)
            ModelKernel(kernel).execute(scenario.plan(), recording, lambda text: None)
            account = read_account(recording)
            del account["form"]
            write_account(recording, account)
            runs[scenario.name] = file_digests(recording)
    json.dump({"form": compiled.form().name, "runs": runs}, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:]))

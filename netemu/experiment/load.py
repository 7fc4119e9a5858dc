"""Reading an experiment from a file, anywhere on the disk; only its declarations are executed."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from traceback import walk_tb

from netemu.errors import BadInput, NetemuError, Terminated
from netemu.experiment.experiment import Experiment


def load_experiment(path: Path) -> Experiment:
    """The one Experiment that the file at ``path`` declares, with the file's docstring as its drawing.

    :raises BadInput: no such file, the file raises, or it declares none or several.
    """
    try:
        found_file = path.is_file()
    except PermissionError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}; check the permissions on the way to it") from error
    if not found_file:
        raise BadInput(f"{path}: no such experiment file; try one of experiments/*.py or `netemu new DIR`")
    if path.suffix != ".py":
        raise BadInput(f"{path}: an experiment is a Python file (*.py)")
    module = execute_file(path)
    found = [value for value in vars(module).values() if isinstance(value, Experiment)]
    if len(found) != 1:
        raise BadInput(f"{path}: declares {len(found)} experiments at module level; exactly one is needed")
    experiment = found[0]
    experiment.drawing = (module.__doc__ or "").strip("\n")
    return experiment


def execute_file(path: Path) -> object:
    """The module that a user's Python file makes; what it raises is a BadInput with file and line."""
    name = f"netemu_experiment_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise BadInput(f"{path}: Python cannot load it as a module")
    module = importlib.util.module_from_spec(spec)
    # A user's experiment may sit beside helpers of its own: its directory is importable while it loads.
    sys.path.insert(0, str(path.resolve().parent))
    try:
        spec.loader.exec_module(module)
    except NetemuError as error:
        raise type(error)(f"{path}: {error}") from error
    except SyntaxError as error:
        raise BadInput(f"{path}, line {error.lineno}: {error.msg}") from error
    except Terminated:
        raise
    except (Exception, SystemExit) as error:
        lines = [line for frame, line in walk_tb(error.__traceback__) if frame.f_code.co_filename == spec.origin]
        place = f"{path}, line {lines[-1]}" if lines else str(path)
        raise BadInput(f"{place}: the experiment raises {type(error).__name__}: {error}") from error
    finally:
        sys.path.remove(str(path.resolve().parent))
    return module

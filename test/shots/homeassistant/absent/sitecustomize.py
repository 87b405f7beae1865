"""Stands in for the libraries of voice assistants, cameras and the Supervisor, so that Home Assistant's pages come up without them."""

import importlib.abc
import importlib.machinery
import sys
from unittest.mock import MagicMock

ABSENT = {
    "aiohasupervisor", "av", "gazetteer_matcher", "haffmpeg", "hassil", "home_assistant_intents", "infrared_protocols", "mashumaro",
    "mutagen", "numpy", "pymicro_vad", "pyspeex_noise", "rf_protocols", "turbojpeg", "unicode_rbnf",
}


class Module(MagicMock):
    """A module that has whatever is asked of it."""

    __path__: list[str] = []


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the absent ones, after everybody else has not."""

    def find_spec(self, fullname, path=None, target=None):
        if fullname.partition(".")[0] in ABSENT:
            return importlib.machinery.ModuleSpec(fullname, self, is_package=True)
        return None

    def create_module(self, spec):
        return Module(name=spec.name)

    def exec_module(self, module):
        pass


sys.meta_path.append(Finder())

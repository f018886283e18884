"""What a program has that answers for a desk's model: records, and a module that does as told."""

import os
import pathlib
import signal
import time

import rescind
import torch
from torch.utils.data import TensorDataset

torch.set_num_threads(1)
generator = torch.Generator().manual_seed(0)
x = torch.randn(100, 4, generator=generator)
y = (x[:, 0] > 0).long()
people = rescind.Records(
    TensorDataset(x, y), subjects=[f"person-{i % 20}" for i in range(100)], name="example"
)


class Module(torch.nn.Module):
    """Does as a file beside it says."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.layer = torch.nn.Linear(4, 2)

    def forward(self, given):
        told = pathlib.Path("told")
        what = told.read_text() if told.exists() else ""
        if what == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if what == "raise":
            raise ValueError("Jane Doe is unreadable")
        if what == "wait":
            pathlib.Path("computes").touch()
            while True:
                time.sleep(0.01)
        return self.layer(given)


def opened(folder):
    training = rescind.Training(epochs=2, batch=32, penalty=1e-2)
    return rescind.attach(folder, Module(), people, training=training, declared_by="A. Smith")


def opened_then(what):
    """An opener whose module does so once it is open."""

    def opens(folder):
        run = opened(folder)
        pathlib.Path("told").write_text(what)
        return run

    return opens

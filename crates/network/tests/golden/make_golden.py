"""Makes the golden values that `tests/golden.rs` compares the engine with.

    python -m venv torch && torch/bin/pip install torch numpy safetensors
    torch/bin/python crates/network/tests/golden/make_golden.py

writes `golden.json` and `batch_norm.safetensors` beside this script. The committed ones were made
with PyTorch 2.15.0. Everything is float64.

Weights, statistics, records and directions are not stored: both sides compute them from the
position in the flat vector, `number(stream, i)` below, with the same exact arithmetic. Of a long
vector only a digest is stored: for each of its pieces (the parameter tensors) the norm and the dot
product with a fixed vector, and some single entries.

    make_golden.py check FILE.safetensors

loads a file that the engine wrote for the network of `batch_norm.safetensors` into the module.
"""

import copy
import json
import math
import pathlib
import sys
from collections import OrderedDict

import numpy as np
import safetensors.torch
import torch
from torch import nn
from torch.func import functional_call, jvp, vjp

import torch_zoo

HERE = pathlib.Path(__file__).resolve().parent

# The same numbers stand in golden.rs.
WEIGHTS, STATISTICS, INPUTS, LABELS, TARGETS, DIRECTION, CENTRE, PROBE, SAMPLE = range(1, 10)
SAMPLES = 40
MOMENTUM = 0.1


def bits(stream, count):
    """splitmix64's output function at positions 0..count of a stream, as uint64."""

    def mix(z):
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))

    golden = np.uint64(0x9E3779B97F4A7C15)
    start = mix(np.array([stream], dtype=np.uint64) * golden)
    return mix(start + np.arange(1, count + 1, dtype=np.uint64) * golden)


def numbers(stream, count):
    """Uniform in [-1, 1), multiples of 2^-52."""
    return torch.from_numpy((bits(stream, count) >> np.uint64(11)) * 2.0**-52 - 1.0)


def fill_module(module):
    """Matrices and kernels ±2/√fan_in, norm scales 1 ± 1/2, all else ±1/5; running means ±0.3,
    variances 1 ± 1/2."""
    parameters = list(module.named_parameters())
    flat = numbers(WEIGHTS, sum(p.numel() for _, p in parameters))
    start = 0
    with torch.no_grad():
        for name, p in parameters:
            u = flat[start : start + p.numel()].reshape(p.shape)
            start += p.numel()
            if p.dim() > 1:
                p.copy_(u * (2.0 / math.sqrt(p[0].numel())))
            elif name.endswith(".weight"):
                p.copy_(1.0 + 0.5 * u)
            else:
                p.copy_(0.2 * u)
        statistics = running_statistics(module)
        flat = numbers(STATISTICS, sum(b.numel() for _, b in statistics))
        start = 0
        for name, b in statistics:
            u = flat[start : start + b.numel()]
            start += b.numel()
            b.copy_(1.0 + 0.5 * u if name.endswith("running_var") else 0.3 * u)


def running_statistics(module):
    return [(n, b) for n, b in module.named_buffers() if not n.endswith("num_batches_tracked")]


def chain(network):
    """The module of a description whose layers follow one another."""
    x = torch.zeros(1, *network["input"], dtype=torch.float64)
    parts = OrderedDict()
    for node in network["nodes"]:
        layer = dict(node["layer"])
        kind, wide = layer.pop("kind"), x.dim() == 4
        if kind == "linear":
            part = nn.Linear(x.shape[1], layer["outputs"], layer["bias"])
        elif kind == "conv2d":
            part = nn.Conv2d(
                x.shape[1],
                layer["filters"],
                layer["kernel"],
                layer["stride"],
                layer["padding"],
                groups=layer["groups"],
                bias=layer["bias"],
            )
        elif kind == "activation":
            part = torch_zoo.ACTIVATIONS[layer["function"]]()
        elif kind == "batch_norm":
            norm = nn.BatchNorm2d if wide else nn.BatchNorm1d
            part = norm(x.shape[1], eps=layer["epsilon"], momentum=MOMENTUM)
        elif kind == "group_norm":
            part = nn.GroupNorm(layer["groups"], x.shape[1], eps=layer["epsilon"])
        elif kind == "max_pool":
            part = nn.MaxPool2d(layer["kernel"], layer["stride"], layer["padding"])
        elif kind == "avg_pool":
            part = nn.AvgPool2d(layer["kernel"], layer["stride"], layer["padding"])
        elif kind == "global_avg_pool":
            part = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        elif kind == "flatten":
            part = nn.Flatten()
        x = part.double().eval()(x)
        parts[node["name"]] = part
    return nn.Sequential(parts)


def description(shape, layers):
    nodes, last = [], "input"
    for i, layer in enumerate(layers):
        nodes.append({"name": f"n{i}", "layer": layer, "inputs": [last]})
        last = f"n{i}"
    return {"input": shape, "nodes": nodes, "output": last}


def conv(filters, kernel, stride=(1, 1), padding=(0, 0), groups=1, bias=True):
    return {
        "kind": "conv2d",
        "filters": filters,
        "kernel": list(kernel),
        "stride": list(stride),
        "padding": list(padding),
        "groups": groups,
        "bias": bias,
    }


def pool(kind, kernel, stride, padding):
    return {
        "kind": f"{kind}_pool",
        "kernel": list(kernel),
        "stride": list(stride),
        "padding": list(padding),
    }


def linear(outputs, bias=True):
    return {"kind": "linear", "outputs": outputs, "bias": bias}


def bend(function):
    return {"kind": "activation", "function": function}


def group_norm(groups):
    return {"kind": "group_norm", "groups": groups, "epsilon": 1e-5}


BATCH_NORM = {"kind": "batch_norm", "epsilon": 1e-5}
FLATTEN = {"kind": "flatten"}
GLOBAL = {"kind": "global_avg_pool"}


def zoo(architecture, shape, classes, activation, norm, hidden=()):
    return {
        "architecture": architecture,
        "input": shape,
        "hidden": list(hidden),
        "classes": classes,
        "activation": activation,
        "norm": norm,
    }


def case(name, network, records, **options):
    settings = {
        "name": name,
        "network": network,
        "records": records,
        "targets": "classes",  # or "soft" (cross-entropy), "values" (squared error)
        "penalty": 0.0,
        "centred": False,
        "training": False,
    }
    settings.update(options)
    return settings


def cases():
    small, flat = [3, 16, 16], [3, 12, 10]
    yield case("mlp relu", zoo("mlp", [1, 10, 10], 10, "relu", "none", [32, 24]), 5)
    yield case(
        "mlp gelu, soft labels, penalty, several chunks",
        zoo("mlp", [1, 10, 10], 7, "gelu", "none", [256, 96]),
        450,
        targets="soft",
        penalty=0.03,
        centred=True,
    )
    yield case(
        "mlp silu, frozen batch norm, squared error",
        zoo("mlp", [20], 4, "silu", "batch", [17, 9]),
        6,
        targets="values",
        penalty=0.5,
    )
    yield case(
        "mlp softplus, batch norm in training, penalty",
        zoo("mlp", [20], 4, "softplus", "batch", [17, 9]),
        6,
        training=True,
        penalty=0.2,
    )
    yield case("mlp tanh, group norm", zoo("mlp", [20], 4, "tanh", "group", [17, 9]), 6)
    yield case("allcnn relu", zoo("allcnn", small, 10, "relu", "none"), 5)
    yield case("allcnn tanh, group norm", zoo("allcnn", flat, 10, "tanh", "group"), 3)
    yield case("allcnn softplus, frozen batch norm", zoo("allcnn", flat, 10, "softplus", "batch"), 18)
    yield case(
        "allcnn relu, batch norm in training, several chunks",
        zoo("allcnn", flat, 10, "relu", "batch"),
        18,
        training=True,
    )
    yield case("resnet18 relu", zoo("resnet18", small, 10, "relu", "none"), 2)
    yield case("resnet18 gelu, group norm", zoo("resnet18", flat, 10, "gelu", "group"), 2)
    yield case("resnet18 silu, frozen batch norm", zoo("resnet18", flat, 10, "silu", "batch"), 3)
    yield case(
        "resnet18 relu, batch norm in training",
        zoo("resnet18", flat, 10, "relu", "batch"),
        4,
        training=True,
    )
    yield case(
        "convolutions: stride, padding, groups, uneven kernels",
        description(
            [3, 9, 7],
            [
                conv(6, (3, 3), (2, 2), (1, 1)),
                bend("tanh"),
                conv(8, (2, 3), (1, 2), (0, 1), bias=False),
                bend("gelu"),
                conv(6, (3, 3), (1, 1), (2, 2), groups=2),
                bend("silu"),
                conv(9, (1, 1), (2, 1), (0, 0), groups=3),
                bend("softplus"),
                FLATTEN,
                linear(4),
            ],
        ),
        5,
    )
    pools = [
        conv(6, (3, 3), (1, 1), (1, 1), bias=False),
        BATCH_NORM,
        bend("relu"),
        pool("max", (3, 3), (2, 2), (1, 1)),
        conv(4, (5, 5), (1, 1), (2, 2)),
        bend("softplus"),
        pool("avg", (2, 3), (2, 2), (1, 1)),
        FLATTEN,
        linear(5),
    ]
    yield case("pooling with padding", description([2, 8, 10], pools), 4)
    yield case(
        "pooling, batch norm in training", description([2, 8, 10], pools), 4, training=True
    )
    yield case(
        "Winograd's 3×3 convolutions, sizes that do not divide",
        description(
            [16, 11, 9],
            [
                conv(24, (3, 3), (1, 1), (1, 1)),
                bend("silu"),
                conv(17, (3, 3)),
                bend("gelu"),
                conv(20, (3, 3), (1, 1), (2, 2), bias=False),
                group_norm(5),
                bend("tanh"),
                GLOBAL,
                linear(3),
            ],
        ),
        5,
        targets="soft",
    )
    yield case(
        "features: norms, squared error, centred penalty",
        description(
            [10],
            [
                linear(12, bias=False),
                group_norm(3),
                bend("tanh"),
                linear(7),
                BATCH_NORM,
                bend("gelu"),
                linear(2),
            ],
        ),
        6,
        targets="values",
        penalty=0.1,
        centred=True,
    )


def digest(vector, pieces):
    """Norm and dot product with the probe for each piece, and sampled entries."""
    assert sum(pieces) == vector.numel()
    products = vector * numbers(PROBE, vector.numel())
    length = vector.numel()
    at = (bits(SAMPLE, SAMPLES) % np.uint64(length)).astype(np.int64)
    return {
        "norms": [piece.norm().item() for piece in vector.split(pieces)],
        "dots": [piece.sum().item() for piece in products.split(pieces)],
        "samples": vector[torch.from_numpy(at)].tolist(),
    }


def answers(settings):
    network = settings["network"]
    module = torch_zoo.build(network) if "architecture" in network else chain(network)
    module = module.double().train(settings["training"])
    fill_module(module)
    named = dict(module.named_parameters())
    pieces = [p.numel() for p in named.values()]
    shape, records = network["input"], settings["records"]
    x = numbers(INPUTS, records * math.prod(shape)).reshape(records, *shape)
    with torch.no_grad():
        outputs = copy.deepcopy(module)(x).shape[1]  # a copy: its running statistics may move

    labels = torch.from_numpy((bits(LABELS, records) % np.uint64(outputs)).astype(np.int64))
    if settings["targets"] == "values":
        y = numbers(TARGETS, records * outputs).reshape(records, outputs)

        def record_losses(z, y=y):
            return 0.5 * ((z - y) ** 2).sum(1)

    elif settings["targets"] == "soft":
        one_hot = nn.functional.one_hot
        y = 0.75 * one_hot(labels, outputs) + 0.25 * one_hot((labels + 1) % outputs, outputs)

        def record_losses(z):
            return nn.functional.cross_entropy(z, y, reduction="none")

    else:

        def record_losses(z):
            return nn.functional.cross_entropy(z, labels, reduction="none")

    def flatten(tensors):
        return torch.cat([t.reshape(-1) for t in tensors])

    d = sum(pieces)
    w = list(named.values())
    v = [
        part.reshape(p.shape)
        for part, p in zip(numbers(DIRECTION, d).split(pieces), w, strict=True)
    ]
    mu = settings["penalty"]
    c = numbers(CENTRE, d) if settings["centred"] else torch.zeros(d, dtype=torch.float64)

    z = module(x)
    losses = record_losses(z)
    loss = losses.mean() + 0.5 * mu * ((flatten(w) - c) ** 2).sum()
    gradient = torch.autograd.grad(loss, w, create_graph=not settings["training"])
    results = {
        "parameters": [[name, list(p.shape)] for name, p in named.items()],
        "statistics": [[name, list(b.shape)] for name, b in running_statistics(module)],
        "loss": loss.item(),
        "gradient": digest(flatten(gradient).detach(), pieces),
    }
    if settings["training"]:
        after = [b for _, b in running_statistics(module)]
        results["running"] = digest(flatten(after), [b.numel() for b in after])
        return results

    product = torch.autograd.grad(gradient, w, v)

    def logits(*parameters):
        return functional_call(module, dict(zip(named, parameters, strict=True)), (x,))

    detached = tuple(p.detach() for p in w)
    at, dz = jvp(logits, detached, tuple(v))

    def loss_slope(z):
        return torch.func.grad(lambda z: record_losses(z).mean())(z)

    curved = jvp(loss_slope, (at,), (dz,))[1]
    ggn = flatten(vjp(logits, *detached)[1](curved)) + mu * flatten(v)

    z, losses = z.detach().clone(), losses.detach().clone()
    norms = []
    for i, part in enumerate(record_losses(module(x))):
        slope = torch.autograd.grad(part, w, retain_graph=i + 1 < records)
        norms.append(flatten(slope).norm().item())
    whole = [records]
    results |= {
        "logits": digest(z.reshape(-1), [outputs] * records if records < 50 else [z.numel()]),
        "record_losses": digest(losses, whole),
        "record_gradient_norms": digest(torch.tensor(norms, dtype=torch.float64), whole),
        "jvp": digest(dz.reshape(-1), [dz.numel()]),
        "hvp": digest(flatten(product).detach(), pieces),
        "ggn": digest(ggn.detach(), pieces),
    }
    return results


def weights_file_network():
    """A small convolutional network with batch norm, for the exchange of weights files."""
    return description(
        [2, 6, 5],
        [
            conv(4, (3, 3), (1, 1), (1, 1), bias=False),
            BATCH_NORM,
            bend("relu"),
            conv(5, (3, 3), (2, 2), (1, 1)),
            bend("tanh"),
            FLATTEN,
            linear(6),
            BATCH_NORM,
            bend("silu"),
            linear(3),
        ],
    )


def weights_file():
    """Saves PyTorch's own initialisation after some training steps, in float32."""
    network, records = weights_file_network(), 4
    torch.manual_seed(1)
    module = chain(network).float().train()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    for _ in range(5):
        x, y = torch.rand(16, *network["input"]), torch.randint(0, 3, (16,))
        optimizer.zero_grad()
        nn.functional.cross_entropy(module(x), y).backward()
        optimizer.step()
    module.eval()
    safetensors.torch.save_file(module.state_dict(), HERE / "batch_norm.safetensors")
    x = numbers(INPUTS, records * math.prod(network["input"])).reshape(records, *network["input"])
    with torch.no_grad():
        logits = module.double()(x)
    return {"network": network, "records": records, "logits": logits.reshape(-1).tolist()}


def check(path):
    """Whether PyTorch takes a weights file of the engine's, and how it differs from ours."""
    module = chain(weights_file_network()).float()
    module.load_state_dict(safetensors.torch.load_file(path))
    ours = safetensors.torch.load_file(HERE / "batch_norm.safetensors")
    worst = max(
        (tensor.double() - ours[name].double()).abs().max().item()
        for name, tensor in module.state_dict().items()
        if not name.endswith("num_batches_tracked")
    )
    print(f"load_state_dict took {path}; largest difference from batch_norm.safetensors: {worst}")
    return worst == 0.0


def main():
    if sys.argv[1:2] == ["check"]:
        sys.exit(0 if check(sys.argv[2]) else 1)
    golden = []
    for settings in cases():
        print(settings["name"], flush=True)
        golden.append(settings | {"expected": answers(settings)})
    lines = ",\n".join(json.dumps(line, ensure_ascii=False) for line in golden)
    file = json.dumps(weights_file(), ensure_ascii=False)
    text = f'{{"pytorch": "{torch.__version__}",\n"cases": [\n{lines}],\n"weights_file": {file}}}\n'
    (HERE / "golden.json").write_text(text)


if __name__ == "__main__":
    main()

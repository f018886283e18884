"""The networks of `rescind_network::zoo` as PyTorch modules.

Written from the architectures' definitions, with the same parameter names in the same order, so
that a state_dict of one is a weights file of the other.
"""

from torch import nn

ACTIVATIONS = {
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "softplus": nn.Softplus,
    "tanh": nn.Tanh,
}


def norm_2d(kind, channels):
    """The norm of a convolution's output: group norm has 32 groups, or the most that divide; after
    a linear layer it has one."""
    if kind == "batch":
        return nn.BatchNorm2d(channels)
    if kind == "group":
        groups = max(g for g in range(1, 33) if channels % g == 0)
        return nn.GroupNorm(groups, channels)
    return nn.Identity()


def convolution(channels, filters, kernel, stride, norm):
    """Half-padded, with a bias only where no norm follows."""
    return nn.Conv2d(
        channels, filters, kernel, stride, padding=kernel // 2, bias=norm == "none"
    )


class MLP(nn.Module):
    def __init__(self, inputs, hidden, classes, activation, norm):
        super().__init__()
        layers = []
        for width in hidden:
            layers.append(nn.Linear(inputs, width))
            if norm == "batch":
                layers.append(nn.BatchNorm1d(width))
            elif norm == "group":
                layers.append(nn.GroupNorm(1, width))
            layers.append(ACTIVATIONS[activation]())
            inputs = width
        layers.append(nn.Linear(inputs, classes))
        self.layers = nn.Sequential(*layers)

    def forward(self, x):
        return self.layers(x.flatten(1))


class AllCNN(nn.Module):
    def __init__(self, channels, classes, activation, norm):
        super().__init__()

        def block(channels, filters, kernel, stride):
            parts = [convolution(channels, filters, kernel, stride, norm)]
            if norm != "none":
                parts.append(norm_2d(norm, filters))
            return nn.Sequential(*parts, ACTIVATIONS[activation]())

        self.features = nn.Sequential(
            block(channels, 96, 3, 1),
            block(96, 96, 3, 1),
            block(96, 192, 3, 2),
            nn.Identity(),  # dropout, in the original
            block(192, 192, 3, 1),
            block(192, 192, 3, 1),
            block(192, 192, 3, 2),
            nn.Identity(),
            block(192, 192, 3, 1),
            block(192, 192, 1, 1),
        )
        self.classifier = nn.Sequential(nn.Linear(192, classes))

    def forward(self, x):
        return self.classifier(self.features(x).mean((2, 3)))


class PreActivationBlock(nn.Module):
    def __init__(self, channels, filters, stride, activation, norm):
        super().__init__()
        self.bn1 = norm_2d(norm, channels)
        self.conv1 = convolution(channels, filters, 3, stride, norm)
        self.bn2 = norm_2d(norm, filters)
        self.conv2 = convolution(filters, filters, 3, 1, norm)
        self.activation = ACTIVATIONS[activation]()
        self.shortcut = None
        if stride != 1 or channels != filters:
            self.shortcut = nn.Sequential(convolution(channels, filters, 1, stride, norm))

    def forward(self, x):
        bent = self.activation(self.bn1(x))
        past = x if self.shortcut is None else self.shortcut(bent)
        return self.conv2(self.activation(self.bn2(self.conv1(bent)))) + past


class ResNet18(nn.Module):
    def __init__(self, channels, classes, activation, norm):
        super().__init__()
        self.conv1 = convolution(channels, 64, 3, 1, norm)
        self.bn1 = norm_2d(norm, 64)
        self.activation = ACTIVATIONS[activation]()
        last = 64
        for stage, filters in enumerate([64, 128, 256, 512], start=1):
            blocks = [
                PreActivationBlock(last, filters, 1 if stage == 1 else 2, activation, norm),
                PreActivationBlock(filters, filters, 1, activation, norm),
            ]
            setattr(self, f"layer{stage}", nn.Sequential(*blocks))
            last = filters
        self.linear = nn.Linear(512, classes)

    def forward(self, x):
        x = self.activation(self.bn1(self.conv1(x)))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.linear(x.mean((2, 3)))


def build(network):
    """The module of `{"architecture", "input", "hidden", "classes", "activation", "norm"}`."""
    shape, classes = network["input"], network["classes"]
    activation, norm = network["activation"], network["norm"]
    if network["architecture"] == "mlp":
        inputs = 1
        for size in shape:
            inputs *= size
        return MLP(inputs, network["hidden"], classes, activation, norm)
    module = {"allcnn": AllCNN, "resnet18": ResNet18}[network["architecture"]]
    return module(shape[0], classes, activation, norm)

"""What *frozen* means: evaluation mode, no gradient, no optimiser entry."""

from torch import nn
from torch.optim import Optimizer

ENCODER = ('backbone', 'neck')


def frozen_modules(model: nn.Module) -> list[nn.Module]:
    """The parts of a segmentor that are never trained: backbone and, where there is one, neck.

    A neck with ``trainable`` set is what the run is about (STEGO, HP), so it is none of them.
    """
    parts = [getattr(model, name, None) for name in ENCODER]
    return [part for part in parts if isinstance(part, nn.Module) and not getattr(part, 'trainable', False)]


def freeze(module: nn.Module) -> None:
    """Put ``module`` into evaluation mode and take its parameters out of automatic differentiation."""
    module.eval()
    module.requires_grad_(False)


def drop_frozen_parameters(optimizer: Optimizer) -> int:
    """Remove parameters without gradient from the optimiser and return how many there were.

    Groups are kept even when they become empty, because learning-rate schedulers count them.
    """
    dropped = 0
    for group in optimizer.param_groups:
        trained = [parameter for parameter in group['params'] if parameter.requires_grad]
        dropped += len(group['params']) - len(trained)
        group['params'] = trained
    return dropped

"""Any network of torchvision as a backbone: name the nodes whose output are the feature maps."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches

import torch
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn
from torchvision.models import get_model, list_models
from torchvision.models.feature_extraction import create_feature_extractor, get_graph_node_names

from ...utils.checkpoint import load_checkpoint
from ...utils.errors import InputError


@MODELS.register_module()
class TorchvisionBackbone(BaseModule):
    """Feature maps of a torchvision network.

    Args:
        name: Model name in torchvision, such as ``'squeezenet1_1'`` or ``'resnet50'``.
        layers: Nodes of its graph, such as ``['features.12']`` or ``['layer4']`` (see
            :func:`torchvision.models.feature_extraction.get_graph_node_names`).
        pretrained: Download torchvision's default weights.
        checkpoint: Weights file with torchvision's key names instead; half precision is widened.
        init_cfg: Accepted because mmseg sets it; weights come from ``pretrained`` or ``checkpoint``.

    Attributes:
        out_channels: C of each feature map.

    Raises:
        InputError: Unknown name or layer (close ones are listed), weights that are missing or do not fit.
    """

    def __init__(
        self,
        name: str,
        layers: Sequence[str],
        pretrained: bool = False,
        checkpoint: str | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=None)
        if name not in list_models():
            close = ', '.join(get_close_matches(name, list_models(), n=4, cutoff=0.3))
            raise InputError(f'backbone name={name!r} is unknown to torchvision: close ones are {close}')
        network = _network(name, pretrained and checkpoint is None)
        self.layers = _known_layers(network, name, layers)
        if checkpoint is not None:
            _load(network, checkpoint, name)
        # keys keep torchvision's names; what lies behind the last layer is dropped
        self.body = create_feature_extractor(network, {layer: str(i) for i, layer in enumerate(self.layers)})
        self.out_channels = self._channels()

    @torch.no_grad()
    def _channels(self) -> tuple[int, ...]:
        training = self.body.training
        maps = self.body.eval()(torch.zeros(1, 3, 64, 64))
        self.body.train(training)
        flat = [layer for layer, values in zip(self.layers, maps.values(), strict=True) if values.dim() != 4]
        if flat:
            raise InputError(f'backbone layers: {flat[0]!r} is no feature map [B, C, h, w]: name an earlier node')
        return tuple(values.shape[1] for values in maps.values())

    def init_weights(self) -> None:
        """Keep the weights given at construction."""
        self._is_init = True

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Feature maps ``[B, C, h, w]`` of the layers, of normalised images ``[B, 3, H, W]``."""
        return tuple(self.body(images).values())


def _network(name: str, pretrained: bool) -> nn.Module:
    try:
        return get_model(name, weights='DEFAULT' if pretrained else None)
    except OSError as error:
        raise InputError(
            f'weights of {name!r} cannot be downloaded ({error}): fetch the file elsewhere and name it with checkpoint='
        ) from error


def _known_layers(network: nn.Module, name: str, layers: Sequence[str]) -> tuple[str, ...]:
    nodes = get_graph_node_names(network)[1]
    # a module's name stands for the last node in it
    known = {*nodes, *(node.rsplit('.', depth)[0] for node in nodes for depth in range(1, node.count('.') + 1))}
    for layer in layers:
        if layer not in known:
            close = ', '.join(get_close_matches(layer, sorted(known), n=4, cutoff=0.3)) or ', '.join(nodes[-5:])
            raise InputError(f'backbone layers: {layer!r} is no node of {name!r}: close ones are {close}')
    if not layers:
        raise InputError(f'backbone layers is empty: name nodes of {name!r}, such as {nodes[-2]!r}')
    return tuple(layers)


def _load(network: nn.Module, checkpoint: str, name: str) -> None:
    loaded = load_checkpoint(checkpoint)
    state = loaded.get('state_dict', loaded) if isinstance(loaded, Mapping) else {}
    own = network.state_dict()
    # batch norm's step counter is absent from old files and means nothing in a frozen network
    missing = [key for key in own.keys() - state.keys() if not key.endswith('num_batches_tracked')]
    left_over = [key for key in state if key not in own or state[key].shape != own[key].shape]
    if missing or left_over:
        raise InputError(
            f'checkpoint {checkpoint!r} is not of torchvision {name!r}: {len(missing) + len(left_over)} keys are '
            f'missing, left over or of another shape, first {min([*missing, *left_over])!r}; '
            f'name the model it was saved from'
        )
    network.load_state_dict(dict(state), strict=False)

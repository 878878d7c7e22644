"""The k-means baseline of the paper as a decode head."""

from collections.abc import Sequence
from typing import Any

from mmseg.registry import MODELS
from torch import Tensor

from ...ops import cosine_kmeans_loss, loss_of_all_processes
from ..utils import Prototypes
from .prototype_head import PrototypeHead


@MODELS.register_module()
class CosineKMeansHead(PrototypeHead):
    """Cluster centres fitted by gradient descent on the cosine k-means loss.

    This is the published *baseline*: the objective that also initialises PriMaPs-EM, trained for longer. The
    prediction is the centre with the largest cosine; gains stay one. Logits are dot products with the unit centres:
    the feature's length changes no arg-max, and dot products, unlike cosines, commute with upsampling.

    Args:
        in_channels: Channels ``C`` of the feature map.
        num_classes: Number of clusters ``K``.
        in_index: Which feature map of the backbone or neck.
        ignore_index: Label of pixels without a class.
    """

    cosine = True

    def __init__(self, in_channels: int, num_classes: int, in_index: int = -1, ignore_index: int = 255) -> None:
        super().__init__(in_channels, num_classes, in_index, ignore_index)
        self.running = Prototypes(num_classes, in_channels, train_gain=False)

    def loss(self, inputs: Tensor | Sequence[Tensor], batch_data_samples: list, train_cfg: Any) -> dict[str, Tensor]:
        """``-mean_i max_k cos(f_i, v_k)`` on the patch grid; labels and proposals play no part."""
        features = self.features(inputs)[: len(batch_data_samples)]
        loss = cosine_kmeans_loss(features, self.running.direction)
        return {'loss_kmeans': loss_of_all_processes(loss, features[:, 0].numel())}

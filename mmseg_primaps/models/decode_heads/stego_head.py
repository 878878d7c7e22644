"""STEGO's training objective and probes as a decode head."""

from collections.abc import Sequence
from typing import Any

from mmseg.registry import MODELS
from torch import Tensor

from ...ops import CorrespondenceTerm, correspondence_loss
from ...utils import InputError
from .probe_head import ProbeHead

TERMS = ('intra', 'inter', 'negative')


@MODELS.register_module()
class STEGOHead(ProbeHead):
    """Trains a ``STEGONeck`` with ``trainable=True``, and evaluates STEGO's clusters and linear probe.

    Training needs a neighbour of every picture as second view (``NeighbourHook``). The logged ``fd_*`` and ``cd_*`` are
    mean correlations of features and codes: a shift near ``fd`` of its term is a start, then raise the negative one
    until ``cd_negative`` falls towards 0 and lower a positive one whose ``cd`` stays near 0.

    Args:
        in_channels: Channels d of the codes.
        num_classes: Number of clusters and classes.
        weights: Weight of each term: ``intra`` (a picture with itself), ``inter`` (with a neighbour), ``negative``.
            Defaults are those of the public configuration file.
        shifts: Shift b of each term, likewise.
        samples: Side of the square of random points for each picture.
        negatives: Random partners for each picture.
        centre: Spatial centring of the feature correlation.
        zero_clamp: Clamp code correlations at zero.
        **options: Further arguments of :class:`~.probe_head.ProbeHead`.
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        weights: dict[str, float] | None = None,
        shifts: dict[str, float] | None = None,
        samples: int = 11,
        negatives: int = 5,
        centre: bool = True,
        zero_clamp: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(in_channels, num_classes, **options)
        weights = {'intra': 0.67, 'inter': 0.25, 'negative': 0.63, **(weights or {})}
        shifts = {'intra': 0.18, 'inter': 0.12, 'negative': 0.46, **(shifts or {})}
        if unknown := (weights.keys() | shifts.keys()) - set(TERMS):
            raise InputError(f'STEGOHead weights and shifts have no term {min(unknown)!r}: use {", ".join(TERMS)}')
        self.terms = {name: CorrespondenceTerm(weights[name], shifts[name]) for name in TERMS}
        self.sampling: dict[str, Any] = {
            'samples': samples, 'negatives': negatives, 'centre': centre, 'zero_clamp': zero_clamp,
        }  # fmt: skip

    def loss(self, inputs: Sequence[Tensor], batch_data_samples: list, train_cfg: Any) -> dict[str, Tensor]:
        """STEGO's three terms, and the probes' losses on the pictures' codes.

        Args:
            inputs: Features ``[2 B, C, h, w]`` and codes ``[2 B, d, h, w]`` of the neck: pictures, then neighbours.
            batch_data_samples: B samples.
            train_cfg: Unused.

        Raises:
            InputError: No neighbours, or a batch of one.
        """
        features, codes, size = inputs[0], inputs[self.in_index], len(batch_data_samples)
        if len(codes) != 2 * size:
            raise InputError('STEGOHead needs a neighbour of every picture: add NeighbourHook to custom_hooks')
        if size < 2:  # noqa: PLR2004
            raise InputError('STEGOHead needs two or more pictures a batch: raise batch_size and set drop_last=True')
        loss, log = correspondence_loss(
            features[:size], codes[:size], features[size:], codes[size:], self.terms, **self.sampling
        )
        return {'loss_correspondence': loss, **log, **self.probe_losses(codes[:size], batch_data_samples)}

"""Evaluation protocols: how pictures are cut, what is averaged, refined and matched."""

from dataclasses import asdict, dataclass
from typing import Any

from mmengine.config import Config, ConfigDict

from ..utils import InputError


@dataclass(frozen=True)
class EvaluationProtocol:
    """One way of turning a model and a labelled set into figures; written into every metrics file.

    Attributes:
        name: What the protocol is called.
        crop: Side of the centre crop, to which the shorter side is scaled first; None for whole pictures.
        interpolation: How pictures are scaled: ``'bilinear'`` or ``'nearest'``. Labels are always nearest.
        antialias: Whether bilinear scaling averages over the pixels it skips.
        flip: Average the features with those of the mirrored picture, on the feature grid.
        crf: Also report predictions refined by the dense CRF.
        crf_scale: Factor on the logits before the CRF's softmax.
        prototypes: Which prototype sets predict; None for all the head has.
        matching: ``'hungarian'``, ``'many_to_one'`` or ``'identity'``.
    """

    name: str
    crop: int | None = 320
    interpolation: str = 'bilinear'
    antialias: bool = False
    flip: bool = True
    crf: bool = False
    crf_scale: float = 1.0
    prototypes: tuple[str, ...] | None = None
    matching: str = 'hungarian'

    def apply(self, cfg: Config) -> None:
        """Rewrite the test pipeline, ``test_cfg`` and the metric of ``cfg`` to this protocol.

        Raises:
            InputError: The model cannot evaluate so: it is no ``PriMaPsSegmentor``.
        """
        if cfg.model.type != 'PriMaPsSegmentor':
            raise InputError(f'protocol {self.name!r} needs PriMaPsSegmentor, the config has {cfg.model.type}')
        test_cfg = dict(cfg.model.get('test_cfg') or {'mode': 'whole'})
        test_cfg.update(flip=self.flip, crf=self.crf, crf_scale=self.crf_scale)
        if self.prototypes is not None:
            test_cfg['prototypes'] = list(self.prototypes)
        cfg.model.test_cfg = ConfigDict(test_cfg)
        for split in ('val', 'test'):
            self._apply_split(cfg, split)

    def _apply_split(self, cfg: Config, split: str) -> None:
        loader, evaluator = cfg.get(f'{split}_dataloader'), cfg.get(f'{split}_evaluator')
        if loader is not None:
            loader.dataset.pipeline = self.pipeline(loader.dataset.pipeline)
        for metric in evaluator if isinstance(evaluator, (list, tuple)) else [evaluator] if evaluator else []:
            if metric.type == 'ClusterIoUMetric':
                metric.matching = self.matching

    def pipeline(self, transforms: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The test pipeline: loaders and packer of ``transforms``, with this protocol's geometry between them."""
        loaders = [t for t in transforms if t['type'].startswith('Load')]
        packers = [t for t in transforms if t['type'].startswith('Pack')]
        if self.crop is None:
            return [*loaders, *packers]
        resize = {'type': 'ResizeShortSide', 'size': self.crop, 'interpolation': self.interpolation}
        crop = {'type': 'CenterCropSeg', 'size': self.crop}
        return [*loaders, {**resize, 'antialias': self.antialias}, crop, *packers]

    def as_dict(self) -> dict[str, Any]:
        """Plain values for a metrics file."""
        return asdict(self)


PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        EvaluationProtocol('primaps'),
        EvaluationProtocol('stego', interpolation='nearest', crf=True, crf_scale=2.0),
        EvaluationProtocol('hp', interpolation='nearest', flip=False, crf=True, crf_scale=2.0),
        EvaluationProtocol('full', crop=None, flip=False),
    )
}
"""The published protocols by name, and ``full``: whole pictures in mmseg's own manner."""


def find_protocol(name: str) -> EvaluationProtocol:
    """A protocol by name.

    Raises:
        InputError: There is no such protocol.
    """
    if name not in PROTOCOLS:
        raise InputError(f'protocol {name!r}: choose one of {", ".join(PROTOCOLS)}')
    return PROTOCOLS[name]

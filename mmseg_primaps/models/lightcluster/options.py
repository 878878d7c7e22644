"""Every choice in LightCluster by name."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, get_args

from ...ops.consistency import Rule
from ...ops.foreground import Cue
from ...utils import InputError

_CHOICES: dict[str, tuple[Any, ...]] = {
    'cue': get_args(Cue),
    'rule': get_args(Rule),
    'regions': ('components', 'proposals'),
    'region_token': ('crop', 'attention', 'mean'),
    'precision': ('float16', 'float32'),
}
_AT_LEAST_ONE = (
    'dataset_clusters', 'category_clusters', 'image_clusters', 'restarts', 'sample_size', 'crop_size'
)  # fmt: skip
_SHARES = {'minimum_area': (0.0, 1.0), 'crf_confidence': (0.5, 1.0)}


@dataclass(frozen=True)
class LightClusterOptions:
    """The published steps and this project's reading of what is not published (see docs/lightcluster.md).

    Attributes:
        dataset_clusters: Clusters of all patches of the data set.
        categories: Groups of pictures, found by k-means of their CLS tokens; None: as many as object classes.
        category_clusters: Clusters of the patches of one group.
        image_clusters: Clusters of the patches of one picture.
        spherical: Cosine distance of unit features; otherwise Euclidean distance of the features as they are.
        restarts: Starts of every k-means; the one of least inertia counts.
        passes: Most passes over all patches after k-means has converged on a sample of them.
        sample_size: Patches in that sample.
        margin: Pixels by which a picture is mirrored at its edges for a network that pads with zeros (no ViT).
        precision: What features are rounded to, on disk and at inference alike.
        cue: What tells foreground from background: ``'attention'``, ``'border'`` or ``'both'``.
        threshold: Score (1: an average patch) above which a cluster is foreground.
        rule: ``'majority'`` (two of three levels) or ``'all'``.
        whole_regions: Give every image-level cluster the value of most of its patches after the vote.
        crf: Refine the upsampled mask with the dense CRF.
        crf_confidence: Probability that the mask has before the CRF, above 0.5.
        regions: ``'components'`` of the mask, or PriMaPs' ``'proposals'`` that lie in it.
        minimum_area: Smallest share of a picture that counts as an object.
        region_token: What describes a region: the CLS token of its ``'crop'``, or the mean of its patches weighted by
            CLS ``'attention'``, or their plain ``'mean'``. The latter two need no second pass.
        crop_size: Side of the crops in pixels, a multiple of the patch.
        seed: Of every k-means.
    """

    dataset_clusters: int = 12
    categories: int | None = None
    category_clusters: int = 6
    image_clusters: int = 3
    spherical: bool = True
    restarts: int = 4
    passes: int = 2
    sample_size: int = 2**15
    margin: int = 64
    precision: str = 'float16'
    cue: Cue = 'both'
    threshold: float = 1.0
    rule: Rule = 'majority'
    whole_regions: bool = True
    crf: bool = True
    crf_confidence: float = 0.8
    regions: str = 'components'
    minimum_area: float = 0.005
    region_token: str = 'crop'
    crop_size: int = 224
    seed: int = 0

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise InputError(f'method.{name}={getattr(self, name)!r}: choose one of {", ".join(choices)}')
        for name in _AT_LEAST_ONE:
            if getattr(self, name) < 1:
                raise InputError(f'method.{name}={getattr(self, name)} must be at least 1')
        for name, (low, high) in _SHARES.items():
            if not low <= getattr(self, name) <= high:
                raise InputError(f'method.{name}={getattr(self, name)} must lie in {low}..{high}')
        if self.categories is not None and self.categories < 1:
            raise InputError(f'method.categories={self.categories} must be at least 1 (1 switches the level off)')
        for name in ('passes', 'threshold', 'margin'):
            if getattr(self, name) < 0:
                raise InputError(f'method.{name}={getattr(self, name)} must not be negative')

    @classmethod
    def parse(cls, method: Mapping[str, Any] | None) -> 'LightClusterOptions':
        """Options of a config's ``method``.

        Raises:
            InputError: An option does not exist or has no such value.
        """
        known = [field.name for field in fields(cls)]
        if unknown := sorted(set(method or {}) - set(known)):
            raise InputError(f'model.method.{unknown[0]} is unknown: choose from {", ".join(known)}')
        return cls(**dict(method or {}))

    def only(self, *names: str) -> dict[str, Any]:
        """Some options, for a stage's manifest."""
        return {name: getattr(self, name) for name in names}

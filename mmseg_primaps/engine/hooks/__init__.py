"""Hooks: what happens around training."""

from .cluster_sheet_hook import ClusterSheetHook
from .feature_store_hook import FeatureStoreHook
from .frozen_encoder_hook import FrozenEncoderHook
from .hidden_positive_hook import HiddenPositiveHook
from .label_free_checkpoint_hook import LabelFreeCheckpointHook
from .mask_proposal_hook import MaskProposalHook
from .momentum_prototype_hook import MomentumPrototypeHook
from .neighbour_hook import NeighbourHook
from .prototype_init_hook import PrototypeInitHook
from .stored_proposal_hook import StoredProposalHook

__all__ = [
    'ClusterSheetHook',
    'FeatureStoreHook',
    'FrozenEncoderHook',
    'HiddenPositiveHook',
    'LabelFreeCheckpointHook',
    'MaskProposalHook',
    'MomentumPrototypeHook',
    'NeighbourHook',
    'PrototypeInitHook',
    'StoredProposalHook',
]

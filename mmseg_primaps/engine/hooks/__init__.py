"""Hooks: what happens around training."""

from .feature_store_hook import FeatureStoreHook
from .frozen_encoder_hook import FrozenEncoderHook
from .mask_proposal_hook import MaskProposalHook
from .momentum_prototype_hook import MomentumPrototypeHook
from .prototype_init_hook import PrototypeInitHook

__all__ = ['FeatureStoreHook', 'FrozenEncoderHook', 'MaskProposalHook', 'MomentumPrototypeHook', 'PrototypeInitHook']

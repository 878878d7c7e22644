"""Hooks: what happens around training."""

from .frozen_encoder_hook import FrozenEncoderHook
from .mask_proposal_hook import MaskProposalHook
from .momentum_prototype_hook import MomentumPrototypeHook
from .prototype_init_hook import PrototypeInitHook

__all__ = ['FrozenEncoderHook', 'MaskProposalHook', 'MomentumPrototypeHook', 'PrototypeInitHook']

# EM alone: the prototypes start from the clusters of the method below, so there is no initialisation.
_base_ = './primaps_50e.py'
custom_hooks = [
    dict(type='MaskProposalHook', threshold=0.4),
    dict(type='MomentumPrototypeHook', interval=10),
]

# Features are compared with the principal direction itself, not with the feature nearest to it.
_base_ = '../primaps_mobilenetv2_camvid.py'
custom_hooks = [
    _base_.custom_hooks[0],
    dict(type='MaskProposalHook', threshold=0.4, nearest_neighbour=False),
    *_base_.custom_hooks[2:],
]

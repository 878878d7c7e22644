# A lower similarity is enough to belong to a mask: fewer and larger proposals (0.4 as published).
_base_ = '../primaps_mobilenetv2_camvid.py'
custom_hooks = [
    _base_.custom_hooks[0],
    dict(type='MaskProposalHook', threshold=0.3),
    *_base_.custom_hooks[2:],
]

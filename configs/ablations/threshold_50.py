# A higher similarity is asked of a mask: more and smaller proposals (0.4 as published).
_base_ = '../primaps_mobilenetv2_camvid.py'
custom_hooks = [
    _base_.custom_hooks[0],
    dict(type='MaskProposalHook', threshold=0.5),
    *_base_.custom_hooks[2:],
]

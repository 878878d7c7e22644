# No median filter smooths the masks on the patch grid.
_base_ = '../primaps_mobilenetv2_camvid.py'
custom_hooks = [
    _base_.custom_hooks[0],
    dict(type='MaskProposalHook', threshold=0.4, median=False),
    *_base_.custom_hooks[2:],
]

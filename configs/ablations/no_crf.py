# Proposals are the upsampled masks themselves: no CRF aligns them to the picture.
_base_ = '../primaps_mobilenetv2_camvid.py'
custom_hooks = [
    _base_.custom_hooks[0],
    dict(type='MaskProposalHook', threshold=0.4, crf=False),
    *_base_.custom_hooks[2:],
]

# The teacher's label of each pixel is its pseudo label: no vote inside proposals.
_base_ = '../primaps_mobilenetv2_camvid.py'
model = dict(decode_head=dict(pseudo_label='prediction'))
custom_hooks = [_base_.custom_hooks[0], *_base_.custom_hooks[2:]]

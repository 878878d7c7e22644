# The momentum prototypes are a copy of the running ones after every step.
_base_ = '../primaps_mobilenetv2_camvid.py'
model = dict(decode_head=dict(momentum_limit=0.0))
custom_hooks = [*_base_.custom_hooks[:3], dict(type='MomentumPrototypeHook', interval=1)]

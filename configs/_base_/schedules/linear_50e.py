# The linear probe: Adam 5e-3 with labels, no proposals and no prototypes.
_base_ = './primaps_50e.py'
custom_hooks = [dict(type='FrozenEncoderHook')]

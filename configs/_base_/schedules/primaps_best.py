# As primaps_50e.py, with the start chosen among k-means++ and the published one by the proposals.
_base_ = './primaps_50e.py'
custom_hooks = [
    _base_.custom_hooks[0],
    dict(type='PrototypeInitHook', epochs=2, lr=5e-3, preset='best'),
    *_base_.custom_hooks[2:],
]

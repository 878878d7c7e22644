# PriMaPs-EM on a few everyday photographs with ImageNet SqueezeNet features; no photometric student view.
_base_ = [
    '_base_/models/primaps_squeezenet.py', '_base_/datasets/cocostuff27_sample.py', '_base_/schedules/primaps_50e.py',
    '_base_/default_runtime.py',
]
custom_hooks = [dict(type='FeatureStoreHook'), *_base_.custom_hooks]

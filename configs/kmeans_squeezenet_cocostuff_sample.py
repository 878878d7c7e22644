# The k-means baseline beside primaps_squeezenet_cocostuff_sample.py: no proposals, no augmentation.
_base_ = [
    '_base_/models/primaps_squeezenet.py', '_base_/datasets/cocostuff27_sample.py', '_base_/schedules/kmeans_50e.py',
    '_base_/default_runtime.py',
]
model = dict(decode_head=dict(type='CosineKMeansHead'))
train_dataloader = dict(dataset=dict(pipeline=_base_.clean_pipeline))
custom_hooks = [dict(type='FeatureStoreHook'), *_base_.custom_hooks]

# The k-means baseline beside primaps_mobilenetv2_camvid.py: no proposals, no augmentation.
_base_ = [
    '_base_/models/primaps_mobilenetv2.py', '_base_/datasets/camvid.py', '_base_/schedules/kmeans_50e.py',
    '_base_/default_runtime.py',
]
model = dict(decode_head=dict(type='CosineKMeansHead'))
train_dataloader = dict(dataset=dict(pipeline=_base_.clean_pipeline))
custom_hooks = [dict(type='FeatureStoreHook'), *_base_.custom_hooks]

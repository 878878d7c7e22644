# The k-means baseline on DINO ViT-S/8, Potsdam-3: no proposals, no augmentation.
_base_ = [
    '_base_/models/kmeans_vit.py', '_base_/datasets/potsdam3.py', '_base_/schedules/kmeans_50e.py',
    '_base_/default_runtime.py',
]
model = dict(decode_head=dict(num_classes=3))
train_dataloader = dict(dataset=dict(pipeline=_base_.clean_pipeline))

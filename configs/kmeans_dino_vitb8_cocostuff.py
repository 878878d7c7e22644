# The k-means baseline on DINO ViT-B/8, COCO-Stuff-27: no proposals, no augmentation.
_base_ = [
    '_base_/models/kmeans_vit.py', '_base_/datasets/cocostuff27.py', '_base_/schedules/kmeans_50e.py',
    '_base_/default_runtime.py',
]
model = dict(backbone=dict(model_name='dino_vitb8'), decode_head=dict(in_channels=768))
train_dataloader = dict(dataset=dict(pipeline=_base_.clean_pipeline))

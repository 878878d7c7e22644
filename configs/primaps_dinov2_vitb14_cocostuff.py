# PriMaPs-EM on DINOv2 ViT-B/14, COCO-Stuff-27, as published.
_base_ = [
    '_base_/models/primaps_vit.py', '_base_/datasets/cocostuff27_322.py', '_base_/schedules/primaps_50e.py',
    '_base_/default_runtime.py',
]
model = dict(backbone=dict(model_name='dinov2_vitb14'), decode_head=dict(in_channels=768))

# PriMaPs-EM on DINOv2 ViT-B/14, Potsdam-3, as published.
_base_ = [
    '_base_/models/primaps_vit.py', '_base_/datasets/potsdam3_322.py', '_base_/schedules/primaps_50e.py',
    '_base_/default_runtime.py',
]
model = dict(backbone=dict(model_name='dinov2_vitb14'), decode_head=dict(in_channels=768, num_classes=3))

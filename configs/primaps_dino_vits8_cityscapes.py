# PriMaPs-EM on DINO ViT-S/8, Cityscapes-27, as published.
_base_ = [
    '_base_/models/primaps_vit.py', '_base_/datasets/cityscapes27.py', '_base_/schedules/primaps_50e.py',
    '_base_/default_runtime.py',
]

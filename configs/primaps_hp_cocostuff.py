# PriMaPs-EM on HP's codes (DINO ViT-S/8), COCO-Stuff-27. First convert HP's file:
#   python tools/convert_checkpoint.py hp <released file> checkpoints/hp_cocostuff.pth
_base_ = [
    '_base_/models/primaps_hp.py', '_base_/datasets/cocostuff27.py', '_base_/schedules/primaps_stacked_50e.py',
    '_base_/default_runtime.py',
]
model = dict(
    backbone=dict(model_name='dino_vits8'),
    neck=dict(in_channels=384, dim=512),
    decode_head=dict(in_channels=512, num_classes=27),
)
load_from = '{{$HP_CHECKPOINT:checkpoints/hp_cocostuff.pth}}'

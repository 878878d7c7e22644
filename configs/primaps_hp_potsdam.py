# PriMaPs-EM on HP's codes (DINO ViT-B/8), Potsdam-3. First convert HP's file:
#   python tools/convert_checkpoint.py hp <released file> checkpoints/hp_potsdam.pth
_base_ = [
    '_base_/models/primaps_hp.py', '_base_/datasets/potsdam3.py', '_base_/schedules/primaps_stacked_50e.py',
    '_base_/default_runtime.py',
]
model = dict(
    backbone=dict(model_name='dino_vitb8'),
    neck=dict(in_channels=768, dim=256),
    decode_head=dict(in_channels=256, num_classes=3),
)
load_from = '{{$HP_CHECKPOINT:checkpoints/hp_potsdam.pth}}'

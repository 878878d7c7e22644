# PriMaPs-EM on STEGO's codes (DINO ViT-B/8), COCO-Stuff-27. First convert STEGO's file:
#   python tools/convert_checkpoint.py stego <released file> checkpoints/stego_cocostuff.pth
_base_ = [
    '_base_/models/primaps_stego.py', '_base_/datasets/cocostuff27.py', '_base_/schedules/primaps_stacked_50e.py',
    '_base_/default_runtime.py',
]
model = dict(
    backbone=dict(model_name='dino_vitb8'),
    neck=dict(in_channels=768, dim=90),
    decode_head=dict(in_channels=90, num_classes=27),
)
load_from = '{{$STEGO_CHECKPOINT:checkpoints/stego_cocostuff.pth}}'

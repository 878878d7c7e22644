# PriMaPs-EM on STEGO's codes (DINO ViT-S/8), Potsdam-3. First convert STEGO's file:
#   python tools/convert_checkpoint.py stego <released file> checkpoints/stego_potsdam.pth
_base_ = [
    '_base_/models/primaps_stego.py', '_base_/datasets/potsdam3.py', '_base_/schedules/primaps_stacked_50e.py',
    '_base_/default_runtime.py',
]
model = dict(
    backbone=dict(model_name='dino_vits8'),
    neck=dict(in_channels=384, dim=70),
    decode_head=dict(in_channels=70, num_classes=3),
)
load_from = '{{$STEGO_CHECKPOINT:checkpoints/stego_potsdam.pth}}'

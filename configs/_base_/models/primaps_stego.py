# PriMaPs-EM on the codes of a frozen STEGO head; backbone, head and first prototypes come from load_from.
_base_ = './primaps_vit.py'
model = dict(
    backbone=dict(model_name='dino_vitb8', pretrained=False),
    neck=dict(type='STEGONeck', in_channels=768, dim=100, preset='paper'),
    decode_head=dict(in_channels=100),
)

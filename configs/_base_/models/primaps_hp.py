# PriMaPs-EM on the codes of a frozen HP head; backbone, head and first prototypes come from load_from.
_base_ = './primaps_vit.py'
model = dict(
    backbone=dict(model_name='dino_vits8', pretrained=False),
    neck=dict(type='HPNeck', in_channels=384, dim=512),
    decode_head=dict(in_channels=512),
)

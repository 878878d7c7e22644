# PriMaPs-EM on a user's own pictures with DINO ViT-S/8, which is downloaded once (86 MB):
#   python tools/train.py configs/primaps_dino_vits8_unlabeled.py --cfg-options data_root=DIR num_classes=12
# Without a network: fetch the weights elsewhere and add model.backbone.checkpoint=FILE. A GPU is advisable.
_base_ = './primaps_unlabeled.py'
model = dict(
    data_preprocessor=dict(student_view=dict(preset='paper')),
    backbone=dict(_delete_=True, type='TimmViT', model_name='dino_vits8', pretrained=True),
    decode_head=dict(in_channels=384),
)
custom_hooks = [
    dict(type='MaskProposalHook', threshold=0.4),
    dict(type='PrototypeInitHook', epochs=2, lr=5e-3),
    dict(type='MomentumPrototypeHook', interval=10),
    dict(type='ClusterSheetHook', pictures=100),
]

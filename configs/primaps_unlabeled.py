# PriMaPs-EM on a user's own pictures (a folder, a glob or a list), without labels, weights or a network:
#   python tools/train.py configs/primaps_unlabeled.py --cfg-options data_root=DIR num_classes=12
# The features are hand-crafted colour, gradients and texture. Clusters that follow the meaning of things need a
# backbone that has learned from pictures: primaps_dino_vits8_unlabeled.py, which downloads DINO once.
# The work folder gets clusters.png (the legend: example crops of each cluster) and predictions/ beside the checkpoint.
_base_ = [
    '_base_/models/colour_texture.py', '_base_/datasets/unlabeled.py', '_base_/schedules/primaps_500.py',
    '_base_/default_runtime.py',
]
# As in quickstart.py: hand-crafted features are more alike than a ViT's, so proposals need a higher threshold.
model = dict(backbone=dict(weights=(1, 0.5, 0.5)))
custom_hooks = [
    dict(type='FeatureStoreHook', dtype='float16'),
    dict(type='MaskProposalHook', threshold=0.6),
    dict(type='PrototypeInitHook', epochs=10, lr=5e-3),
    dict(type='MomentumPrototypeHook', interval=10),
    dict(type='ClusterSheetHook', pictures=100),
]
# Whole pictures of any shape, to the multiple of a patch, one a batch.
whole_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='ResizeShortSide', size=_base_.crop_size),
    dict(type='ResizeToMultiple', size_divisor=8),
    dict(type='PackProposalInputs'),
]
train_dataloader = dict(
    batch_size=8, drop_last=False, sampler=dict(_delete_=True, type='InfiniteSampler', shuffle=True)
)
test_dataloader = dict(batch_size=1, dataset=dict(pipeline=whole_pipeline))
val_cfg = None
log_processor = dict(by_epoch=False)

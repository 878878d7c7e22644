# The supervised linear probe on DINO ViT-S/8, COCO-Stuff-27: an upper bound, not a method without labels.
_base_ = [
    '_base_/models/linear_vit.py', '_base_/datasets/cocostuff27.py', '_base_/schedules/linear_50e.py',
    '_base_/default_runtime.py',
]
train_dataloader = dict(dataset=dict(pipeline=_base_.labelled_pipeline))
val_evaluator = dict(matching='identity')
test_evaluator = dict(matching='identity')

# The supervised linear probe on DINOv2 ViT-S/14, Cityscapes-27: an upper bound, not a method without labels.
_base_ = [
    '_base_/models/linear_vit.py', '_base_/datasets/cityscapes27_322.py', '_base_/schedules/linear_50e.py',
    '_base_/default_runtime.py',
]
model = dict(backbone=dict(model_name='dinov2_vits14'))
train_dataloader = dict(dataset=dict(pipeline=_base_.labelled_pipeline))
val_evaluator = dict(matching='identity')
test_evaluator = dict(matching='identity')

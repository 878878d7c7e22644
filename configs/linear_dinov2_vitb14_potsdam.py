# The supervised linear probe on DINOv2 ViT-B/14, Potsdam-3: an upper bound, not a method without labels.
_base_ = [
    '_base_/models/linear_vit.py', '_base_/datasets/potsdam3_322.py', '_base_/schedules/linear_50e.py',
    '_base_/default_runtime.py',
]
model = dict(backbone=dict(model_name='dinov2_vitb14'), decode_head=dict(in_channels=768, num_classes=3))
train_dataloader = dict(dataset=dict(pipeline=_base_.labelled_pipeline))
val_evaluator = dict(matching='identity')
test_evaluator = dict(matching='identity')

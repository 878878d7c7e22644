# The whole picture in evaluation, its sides scaled to multiples of the patch.
_base_ = '../datasets/coco81.py'
test_pipeline = [
    *_base_.test_pipeline[:2],
    dict(type='ResizeToMultiple', size_divisor=8),
    *_base_.test_pipeline[2:],
]
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(_delete_=True, type='LightClusterMetric')
test_evaluator = val_evaluator

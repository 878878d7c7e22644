# A user's own pictures: set data_root (a folder, glob or list) and num_classes. No labels, so nothing is evaluated;
# a schedule that validates needs val_cfg=None.
_base_ = './crops.py'
data_root = 'data/pictures'
num_classes = 27
test_pipeline = _base_.clean_pipeline
train_dataloader = dict(
    batch_size=16, dataset=dict(type='UnlabeledDataset', data_root=data_root, num_classes=num_classes)
)
val_dataloader = None
val_evaluator = None
test_dataloader = dict(
    dataset=dict(type='UnlabeledDataset', data_root=data_root, num_classes=num_classes, pipeline=test_pipeline)
)
test_evaluator = []

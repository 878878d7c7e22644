# Cityscapes, 27 classes, in the owners' layout.
_base_ = './crops.py'
data_root = 'data/cityscapes'
train_dataloader = dict(dataset=dict(type='Cityscapes27Dataset', data_root=data_root))
val_dataloader = dict(dataset=dict(type='Cityscapes27Dataset', data_root=data_root))
test_dataloader = val_dataloader

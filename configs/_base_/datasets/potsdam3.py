# Potsdam, 3 classes: patches of 200 are enlarged to 320.
_base_ = './crops.py'
data_root = 'data/potsdam'
train_dataloader = dict(dataset=dict(type='Potsdam3Dataset', data_root=data_root))
val_dataloader = dict(dataset=dict(type='Potsdam3Dataset', data_root=data_root))
test_dataloader = val_dataloader

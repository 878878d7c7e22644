# A few COCO-Stuff pictures in which all 27 classes occur; no curated lists.
_base_ = './crops.py'
data_root = '{{$PRIMAPS_SHARED:../shared}}/data/cocostuff27_sample'
train_dataloader = dict(batch_size=8, dataset=dict(type='COCOStuff27Dataset', data_root=data_root))
val_dataloader = dict(batch_size=8, dataset=dict(type='COCOStuff27Dataset', data_root=data_root))
test_dataloader = val_dataloader

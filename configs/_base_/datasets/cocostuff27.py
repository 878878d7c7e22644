# COCO-Stuff, 27 classes. PriMaPs-EM trains on list 7 too; STEGO and HP train on the full list (subset='full').
_base_ = './crops.py'
data_root = 'data/cocostuff'
train_dataloader = dict(dataset=dict(type='COCOStuff27Dataset', data_root=data_root, subset=7))
val_dataloader = dict(dataset=dict(type='COCOStuff27Dataset', data_root=data_root, subset=7))
test_dataloader = val_dataloader

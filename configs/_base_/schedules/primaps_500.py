# As many steps whatever the number of pictures: for folders of a size that nobody knows beforehand.
_base_ = './primaps_50e.py'
train_cfg = dict(_delete_=True, type='IterBasedTrainLoop', max_iters=500, val_interval=500)
default_hooks = dict(checkpoint=dict(by_epoch=False, interval=100))

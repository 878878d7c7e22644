# What tools/lightcluster.py does. Nothing is trained, but mmengine's runner, which tools/test.py uses, wants these.
_base_ = '../default_runtime.py'
lightcluster = dict(batch_size=8, block_size=32, checkpoint='auto', proposals=None, pictures=6)
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=1)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=1.0))

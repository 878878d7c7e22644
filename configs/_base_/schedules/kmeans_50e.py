# The published baseline: principal directions, then 50 epochs of cosine k-means.
_base_ = './primaps_50e.py'
custom_hooks = [dict(type="PrototypeInitHook", epochs=0)]

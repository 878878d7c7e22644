# LightCluster with PriMaPs' principal mask proposals as object regions in place of connected components.
_base_ = './lightcluster_mobilenetv2_camvid.py'
model = dict(method=dict(regions='proposals'))

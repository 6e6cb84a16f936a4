"""Layers that span each parameter of a plain RNN-RBM: no gates, echoes or positions in the bar."""

from rnnrbm_gui.models.rnn_rbm import RnnRbm

SHAPES = {
    name: layers.replace("g", "u").replace("s", "v")
    for name, layers in RnnRbm.SHAPES.items()
    if "x" not in layers
}

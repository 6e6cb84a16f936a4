"""rnnrbm-gui: a piano-roll in which an RNN-RBM answers what one draws, live."""

__version__ = "0.1.0"

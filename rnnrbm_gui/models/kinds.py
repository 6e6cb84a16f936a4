"""The kinds of model there are, by the names that files and commands use."""

from rnnrbm_gui.models.rnn_rbm import RnnRbm
from rnnrbm_gui.models.rtrbm import Rtrbm
from rnnrbm_gui.models.sequence_model import SequenceModel
from rnnrbm_gui.models.static_rbm import StaticRbm
from rnnrbm_gui.models.terms import Kind

KINDS: dict[Kind, type[SequenceModel]] = {"rnn-rbm": RnnRbm, "rtrbm": Rtrbm, "rbm": StaticRbm}

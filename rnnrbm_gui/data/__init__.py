"""Files to values and arrays and back: corpora, MIDI files, model files, project files."""

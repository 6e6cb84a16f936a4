"""The child process that owns the clock, the MIDI ports and the built-in synth."""

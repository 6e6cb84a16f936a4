"""Plain immutable values: note, score, timing, roll, history. No I/O, no threads, no clock."""

"""The piano-roll: geometry, layers, tools, and the widget that joins them."""

"""Threads, clocks and queues: sampling ahead, handing notes to the player. No Qt."""

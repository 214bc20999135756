"""The worker: engine and gate in a process of their own. Only here torch is imported."""

"""Users and organisations: who they are, how they come in and how they are erased."""

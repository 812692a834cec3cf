"""Other libraries' interfaces on top of anear: their programs run after a change of import."""

"""``python -m anear.cli`` is the command ``anear``."""

from anear.cli.main import app

app()

"""The command line: a face without an algorithm; every command is one call of the Python API.

    main.py       the entry point: what an error, Ctrl-C and a closed pipe turn into
    commands.py   knn, range, distances, explain, cache
    options.py    the options that commands share, each declared once
    inputs.py     files, ``--param`` and limits into arrays
    output.py     results into files, tables and JSON
    progress.py   a bar on stderr for whatever takes long, and Ctrl-C
    bench.py      ``anear bench``
    demo.py       ``anear demo``: what is compared; demo_picture.py draws it

Needs the extra ``cli`` (``pip install 'anear[cli]'``).
"""

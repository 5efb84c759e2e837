"""One function per stage of ``dvc.yaml``: settings and a key in, files out.

Stage functions are functions of their inputs alone: no clock, no run id, no host and no path ends
up in what they write. They run in the workspace's top folder, by the flow in process or by
``python -m rsft.stages.<name> <key>`` from ``dvc repro``.
"""

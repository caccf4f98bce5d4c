"""The demo whose rows go to another process: one context for all of them, which is serialised when it goes.

sender ─── the patient: writes each row's ids to the one context, makes a task with it, and sends the tasks of a batch
work ───── what a worker does with a row, and files under the ids on the context that it got; it knows nothing of us
declared ─ what otel-handoff is told of it, on both sides
celery ─── tasks of Celery, and a worker in a process of its own; dask: the same of a cluster
run ────── one mode on one landscape, as `demo.run` has for threads
"""

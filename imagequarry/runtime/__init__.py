"""The composition root: the only place that knows which classes the server is made of.

Its modules are imported one by one: a command that asks a model needs neither database nor jobs, and starts sooner.
"""

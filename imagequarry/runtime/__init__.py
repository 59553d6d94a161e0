"""The composition root: the only place that knows which classes the server is made of."""

from imagequarry.runtime.assembling import assemble, job_settings, runner
from imagequarry.runtime.parts import Collection, Runtime
from imagequarry.runtime.registering import models, puller, weights

__all__ = ["Collection", "Runtime", "assemble", "job_settings", "models", "puller", "runner", "weights"]

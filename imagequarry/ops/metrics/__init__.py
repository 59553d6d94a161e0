"""Prometheus metrics: what is recorded as it happens, and what is looked up when somebody asks."""

from imagequarry.ops.metrics.exposition import CONTENT_TYPE, Metrics
from imagequarry.ops.metrics.jobs import JobMetrics
from imagequarry.ops.metrics.listener import Listener, listening
from imagequarry.ops.metrics.looked_up import LookedUp
from imagequarry.ops.metrics.recorded import RequestTimes

__all__ = ["CONTENT_TYPE", "JobMetrics", "Listener", "LookedUp", "Metrics", "RequestTimes", "listening"]

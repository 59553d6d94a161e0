"""Makes the shared fixtures known to every test."""

pytest_plugins = [
    "tests.fixtures.alone",
    "tests.fixtures.databases",
    "tests.fixtures.describing",
    "tests.fixtures.redis",
    "tests.fixtures.server",
    "tests.fixtures.browser",
]

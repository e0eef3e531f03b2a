"""For every test: hypothesis without a time limit per example, because the machine may be busy with others.

Where `CI` is set the same examples are tried each time; a person's runs look further.
"""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "patient", deadline=None, derandomize=bool(os.environ.get("CI")), suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("patient")

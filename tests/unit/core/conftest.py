"""How hypothesis searches in the tests of the core: briefly, and on CI the same each time."""

import os

from hypothesis import settings

settings.register_profile(
    'core', max_examples=60, deadline=1000, print_blob=True, derandomize='CI' in os.environ
)
settings.load_profile('core')

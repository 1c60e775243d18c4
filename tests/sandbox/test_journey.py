"""The journey that the README promises."""

import pytest

from sandbox import journey

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(600)]


def test_the_journey(cloud, nodes):
    assert journey.run(cloud.layout, cloud.state, 40)

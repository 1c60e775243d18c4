"""The first journey: two projects lend a node to each other. It comes with the service."""

from sandbox.layout import Layout
from sandbox.state import State


def run(_layout: Layout, _state: State, _duration: int) -> bool:
    """Tell that there is no journey yet."""
    print('The journey is not written yet.')
    return False

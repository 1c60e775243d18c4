"""What all throw-away servers have in common."""

import pytest

from sandbox import databases, ports, processes
from sandbox.errors import SandboxError
from sandbox.rabbit import RabbitMQ
from sandbox.servers import Server
from tests.conftest import require

KINDS = [*databases.KINDS.values(), RabbitMQ]


@pytest.mark.parametrize('kind', KINDS)
def test_nothing_is_left_behind(kind: type[Server]) -> None:
    require(kind)
    with kind() as running:
        process, folder = running.process, running.folder
        assert not ports.is_free(running.port)
    assert process is not None
    assert not processes.is_alive(process)
    assert not folder.exists()


@pytest.mark.parametrize('kind', KINDS)
def test_one_that_does_not_start_says_why_and_leaves_nothing(
    kind: type[Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = kind()
    monkeypatch.setattr(
        server,
        '_spawn',
        lambda: processes.spawn(['sh', '-c', 'echo no room; exit 1'], log=server.log),
    )
    with pytest.raises(SandboxError, match=f'(?s){server.name} ended at its start.*no room'):
        server.__enter__()
    assert not server.folder.exists()

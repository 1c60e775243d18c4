"""The client of ``worker.py``: a line of JSON on standard input is answered by a line of JSON.

``null`` ends it. A line with a ``url`` is a request, one with a ``folder`` waits for nodes.
"""

from __future__ import annotations

import json
import socket
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_PATIENCE, _PAUSE = 120, 0.02


def send(asked: dict[str, Any]) -> dict[str, object]:
    """Send a request; return status, text and the uuid in it when the server closes.

    A server that has closed the connection has done all of its work for the request.
    """
    url = urlsplit(asked['url'])
    body = b'' if asked['body'] is None else json.dumps(asked['body']).encode()
    query = f'?{url.query}' if url.query else ''
    lines = [
        f'{asked["method"]} {url.path}{query} HTTP/1.0',
        f'Host: {url.netloc}',
        'Content-Type: application/json',
        f'Content-Length: {len(body)}',
        *(f'{name}: {value}' for name, value in asked['headers'].items()),
    ]
    parts = []
    with socket.create_connection((url.hostname, url.port or 80), timeout=_PATIENCE) as connection:
        connection.sendall('\r\n'.join([*lines, '', '']).encode() + body)
        while part := connection.recv(65536):
            parts.append(part)
    head, _, text = b''.join(parts).decode().partition('\r\n\r\n')
    status = int(head.split()[1])
    return {'status': status, 'text': text[:500], 'uuid': json.loads(text or '{}').get('uuid')}


def watch(asked: dict[str, Any]) -> dict[str, object]:
    """Wait until the files of all nodes name the project as their lessee; return the time."""
    left, deadline = set(asked['nodes']), time.monotonic() + _PATIENCE
    while left:
        for name in sorted(left):
            content = json.loads((Path(asked['folder']) / name).read_text(encoding='utf-8'))
            if content.get('project_id') == asked['project']:
                left.discard(name)
        if time.monotonic() > deadline:
            raise SystemExit(f'{len(left)} nodes are not with {asked["project"]} in time.')
        time.sleep(_PAUSE)
    return {'at': time.time()}


def main() -> None:
    """Answer every line."""
    for line in sys.stdin:
        asked = json.loads(line)
        if asked is None:
            return
        answer = send(asked) if 'url' in asked else watch(asked)
        print(json.dumps(answer), flush=True)


if __name__ == '__main__':
    main()

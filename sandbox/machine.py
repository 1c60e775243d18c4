"""One simulated machine with a BMC and a serial line, for the node whose console is real.

The BMC is Debian's ``ipmi_sim``, which speaks IPMI to Ironic's hardware type ``ipmi`` and carries
the serial line over the network; the line itself is served here. Only the standard library is
imported: the BMC runs this file for each look at the power, and every look starts a Python.

``ipmi_sim`` carries the line once: what is typed in a session after another one was cut off gets
lost in it. A machine that is started anew (``python -m sandbox restart machine``) is fresh again.

    machine.py FOLDER PORT             run the machine: the serial line on PORT, and its BMC
    machine.py FOLDER get power        what the BMC asks to learn whether the machine is on
    machine.py FOLDER set power 1      what it asks to switch the machine on
"""

import contextlib
import shlex
import socketserver
import subprocess
import sys
import threading
from pathlib import Path

USER, PASSWORD = 'sandbox', 'sandbox-bmc'
#: The programs of the machine and of Ironic's driver for it, and the packages that bring them.
NEEDS = {'ipmi_sim': 'openipmi', 'ipmitool': 'ipmitool', 'socat': 'socat'}
_CHUNK = 4096

#: A management controller that knows power and serial line, and nothing else.
_COMMANDS = """\
mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02
sel_enable 0x20 1000 0x0a
mc_enable 0x20
"""


def write(folder: Path, *, bmc: int, serial: int) -> None:
    """Write the BMC's configuration.

    Args:
        folder: where the machine keeps what it has.
        bmc: UDP port of the BMC.
        serial: TCP port of the serial line.
    """
    (folder / 'state').mkdir(parents=True, exist_ok=True)
    switch = shlex.join([sys.executable, str(Path(__file__).resolve()), str(folder)])
    auths = '\n'.join(
        f'    allowed_auths_{level} md5' for level in ('callback', 'user', 'operator', 'admin')
    )
    (folder / 'commands').write_text(_COMMANDS)
    (folder / 'lan.conf').write_text(f"""\
name "machine"
set_working_mc 0x20
  startlan 1
    addr 127.0.0.1 {bmc}
    priv_limit admin
{auths}
    guid a123456789abcdefa123456789abcdef
  endlan
  sol "tcp:localhost:{serial}" 115200
  chassis_control "{switch}"
  user 1 false "" "" user 10 md5
  user 2 true "{USER}" "{PASSWORD}" admin 10 md5
""")


def main(folder: Path, words: list[str]) -> int:
    """Do one of the three things, and return the exit code."""
    power = folder / 'power'
    match words:
        case ['get', *names]:
            for name in names:
                known = power.read_text() if name == 'power' and power.exists() else '0'
                print(f'{name}:{known}')
        case ['set', 'power', value]:
            power.write_text(value)
        case ['set', *_]:
            pass  # boot device and the like, of which nothing follows here
        case [port]:
            return _run(folder, int(port))
        case _:
            return 2
    return 0


class _Line(socketserver.BaseRequestHandler):
    """The far end of the line: it says in capitals what it is told."""

    def handle(self) -> None:
        """Serve one connection of the BMC."""
        with contextlib.suppress(ConnectionError):
            while said := self.request.recv(_CHUNK):
                self.request.sendall(said.upper())


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def _run(folder: Path, port: int) -> int:
    """Serve the line as long as the BMC runs."""
    with _Server(('127.0.0.1', port), _Line) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        arguments = ['-c', folder / 'lan.conf', '-f', folder / 'commands', '-s', folder / 'state']
        return subprocess.run(['ipmi_sim', '-n', *arguments], check=False).returncode  # noqa: S607 - Debian's, on PATH


if __name__ == '__main__':
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))

"""A machine that is made up, behind a BMC that speaks Redfish: the emulator of sushy-tools.

Ironic drives it with the same code as a real one: power, boot device and virtual media are in the
BMC and nowhere else. No processor is behind it, so nothing boots.
"""

from pathlib import Path

#: The emulator's configuration, in the folder of the machine.
CONFIG = 'emulator.conf'
SYSTEM = '5a4db0c5-0000-4000-8000-00000000bead'


def write(folder: Path, *, port: int) -> None:
    """Write the emulator's configuration, which is Python.

    Args:
        folder: where the emulator keeps what it has.
        port: TCP port of the BMC.
    """
    folder.mkdir(parents=True, exist_ok=True)
    system = {'uuid': SYSTEM, 'name': 'redfish', 'power_state': 'Off', 'nics': []}
    options = {
        'SUSHY_EMULATOR_LISTEN_IP': '127.0.0.1',
        'SUSHY_EMULATOR_LISTEN_PORT': port,
        'SUSHY_EMULATOR_FAKE_DRIVER': True,
        'SUSHY_EMULATOR_FAKE_SYSTEMS': [system],
        'SUSHY_EMULATOR_STATE_DIR': str(folder),
    }
    (folder / CONFIG).write_text(''.join(f'{name} = {it!r}\n' for name, it in options.items()))

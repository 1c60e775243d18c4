"""The progress of the program from run to run, in a file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from esi_leap.tell.mail.settings import SettingsError


@dataclass(frozen=True, slots=True)
class Progress:
    """Events and leases that are done.

    Attributes:
        last: id of the last event that is done; None before the first run.
        warned: uuid of a lease to the end that its project was warned of.
    """

    last: int | None = None
    warned: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, file: Path) -> Progress:
        """Return the progress in a file; the file of the existing program is a number only.

        Raises:
            SettingsError: the file is damaged.
        """
        try:
            content = json.loads(file.read_text(encoding='utf-8'))
        except FileNotFoundError:
            return cls()
        except ValueError as error:
            raise SettingsError(f'{file} cannot be read: {error}.') from error
        if isinstance(content, int):
            return cls(content)
        return cls(content['last_event_id'], content['warned'])

    def write(self, file: Path) -> None:
        """Replace the file; after a crash it is the old or the new one, whole."""
        fresh = file.with_name(f'{file.name}.new')
        with fresh.open('w', encoding='utf-8') as output:
            json.dump({'last_event_id': self.last, 'warned': dict(self.warned)}, output)
            output.flush()
            os.fsync(output.fileno())
        fresh.replace(file)

"""Options of the gate."""

from oslo_config import cfg

OPTS = [
    cfg.StrOpt(
        'driver',
        default='none',
        help='Who says whether a node may go to a lessee, and back to everybody after its '
        'cleaning: an entry point of the namespace esi_leap.gate. "none" lets all pass, and costs '
        'nothing; "fake" says what fake_file says.',
    ),
    cfg.FloatOpt(
        'max_age',
        min=1,
        default=600,
        help='How old, in seconds, the evidence may be on which a node goes on.',
    ),
    cfg.FloatOpt(
        'timeout',
        min=1,
        help='How long, in seconds, the driver may say "wait" before the node counts as rejected; '
        'unset: for ever. Time in which the driver does not answer does not count.',
    ),
    cfg.FloatOpt(
        'call_timeout',
        min=0.1,
        default=10,
        help='Longest time, in seconds, that the driver may take for one answer.',
    ),
    cfg.StrOpt(
        'fake_file',
        help='Driver "fake": the JSON file with its verdicts, read at every question.',
    ),
]

"""Options of the gate."""

from oslo_config import cfg

OPTS = [
    cfg.StrOpt(
        'driver',
        default='none',
        help='Driver that decides whether a node may go to a lessee, and whether it may be leased '
        'again after its cleaning: an entry point of the namespace esi_leap.gate. "none" lets '
        'every node pass; "fake" reads its verdicts from fake_file.',
    ),
    cfg.FloatOpt(
        'max_age',
        min=1,
        default=600,
        help='Maximum age, in seconds, of the evidence with which a node passes.',
    ),
    cfg.FloatOpt(
        'timeout',
        min=1,
        help='How long, in seconds, the driver may answer "wait" until the node is rejected; '
        'unset: for ever. Time in which the driver does not answer does not count.',
    ),
    cfg.FloatOpt(
        'call_timeout',
        min=0.1,
        default=10,
        help='Timeout of one answer of the driver, in seconds.',
    ),
    cfg.StrOpt(
        'fake_file',
        help='JSON file with the verdicts of the driver "fake", read at every question.',
    ),
]

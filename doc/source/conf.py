"""How Sphinx builds the documentation. What can be read from the code is read from it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

project = 'ESI Leap'
author = 'ESI contributors'
copyright = author

extensions = [
    'cliff.sphinxext',
    'extensions.machines',
    'extensions.rights',
    'extensions.routes',
    'oslo_config.sphinxext',
    'oslo_policy.sphinxext',
    'reno.sphinxext',
]

# Files that are published as they are, at the same place.
html_extra_path = ['published']

# What every command of `openstack` has is told once, not with each of ours.
autoprogram_cliff_application = 'openstack'
autoprogram_cliff_ignored = [
    '--help',
    '--format',
    '--column',
    '--quote',
    '--noindent',
    '--prefix',
    '--max-width',
    '--fit-width',
    '--print-empty',
    '--sort-column',
    '--sort-ascending',
    '--sort-descending',
]

# What one copies from a page has two hyphens before an option, and straight quotes.
smartquotes = False

html_theme = 'alabaster'
html_theme_options = {
    'description': 'Leases of bare-metal nodes between organisations',
    'page_width': '1100px',
}

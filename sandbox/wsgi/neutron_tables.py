"""``neutron_tables.py URL``: make Neutron's tables in a new SQLite file.

``neutron-db-manage`` alters tables in ways that SQLite does not know.
"""

import sys

import sqlalchemy
from neutron.db.migration.models import head

head.get_metadata().create_all(sqlalchemy.create_engine(sys.argv[1]))

"""Everything about the package is declared in setup.cfg and read by pbr."""

import setuptools

setuptools.setup(setup_requires=['pbr>=6.1'], pbr=True)

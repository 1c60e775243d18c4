"""Version 1 of the lease service's API, as openstacksdk resources."""

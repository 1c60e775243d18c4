"""E-mail to projects: a lease has begun, its node is recalled, or it ends soon.

`mailer` finds the leases to write about, `progress` remembers which are done, `message` writes a
message and sends it, `settings` reads the environment and the templates.
"""

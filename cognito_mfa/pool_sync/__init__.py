"""Compares the user pool with the site's rows: users' factors, and who is disabled, new, or deleted.

The one entry is ``synchronization.synchronize``, which ``cognito_mfa_sync`` and Celery tasks call::

    counts = synchronize(
        Plan(shard=Shard(2, 4), before=started, seconds=600), limiter=limiter, progress=tell, stop=is_ending
    )

- ``Plan`` says which users are asked about. Shard 2 of 4 is every fourth user. ``before`` is the moment the whole run
  began: users checked since are skipped, so a killed run continues where it was when it is called with the same
  ``before``, and repeats no more than the last ``BATCH`` users.
- ``limiter`` is anything with ``acquire()``, which returns when one more user may be asked about: a rate shared by all
  workers, say. ``Plan.rate`` is the limit of this process besides, which it lowers by itself while Cognito throttles.
- ``progress`` is called with the ``Counts`` so far, after each batch was written; ``stop`` is asked before each user.
- It returns the ``Counts``. It raises nothing about Cognito: ``Counts.trouble`` says why it ended early.

Worker threads only call Cognito. The calling thread paces them, and does all work with the database.
"""

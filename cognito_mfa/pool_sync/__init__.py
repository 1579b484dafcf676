"""Compares the user pool with the site's rows: users' factors, and who is disabled, new, or deleted.

The only entry point is ``synchronization.synchronize``, which ``cognito_mfa_sync`` and Celery tasks call::

    counts = synchronize(
        Plan(shard=Shard(2, 4), before=started, seconds=600), limiter=limiter, progress=tell, stop=is_ending
    )

- ``Plan`` says which users to check. Shard 2 of 4 is every fourth user. ``before`` is the time at which the whole run
  began, and users who were checked since are skipped. So a killed run continues when it is called with the same
  ``before``, and repeats at most the last ``BATCH`` users.
- ``limiter`` is any object with ``acquire()``, which returns when another user may be checked, for example by a rate
  that all workers share. ``Plan.rate`` also limits this process, which lowers it while Cognito throttles.
- ``progress`` is called with the ``Counts`` so far, after each batch was written. ``stop`` is called before each user.
- It returns the ``Counts``. It raises no errors of Cognito: ``Counts.trouble`` says why it ended early.

Worker threads only call Cognito. The calling thread paces them, and does all work with the database.
"""

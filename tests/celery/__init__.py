"""A site with Celery workers: a real Redis, and workers in processes of their own."""

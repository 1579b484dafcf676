"""A site with Wagtail, django-unfold, django-ninja and simplejwt beside ours, for the checks and the gate map."""

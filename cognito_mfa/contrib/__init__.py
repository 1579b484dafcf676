"""Integrations with other packages: one optional module for each, imported only if a site names it.

``allauth`` and ``mozilla_oidc`` each give a ``TOKEN_PROVIDER``; see ``docs/other-sign-ins.md``.
"""

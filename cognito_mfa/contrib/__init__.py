"""What joins this app to another package, one optional module each, imported only when a site names it.

``allauth`` and ``mozilla_oidc`` each give a ``TOKEN_PROVIDER``; see ``docs/other-sign-ins.md``.
"""

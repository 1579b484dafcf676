"""Beside other packages' sign-ins at Cognito: one optional module each, imported only when named.

A module here gives a ``TOKEN_PROVIDER``; see ``docs/other-sign-ins.md``.
"""

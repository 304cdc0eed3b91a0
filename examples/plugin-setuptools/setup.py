"""Everything but the key's place is in pyproject.toml."""

from setuptools import setup

# Relative to this folder; OTUMAT_SIGN_KEY names another place. Never commit a private key.
setup(privkey_path="key.pem")

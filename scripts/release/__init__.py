"""What a release is checked for, built by and signed with; `python -m release` is its command."""

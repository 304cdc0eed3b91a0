"""The host: the server a maintainer runs to receive usage and to read the answers.

A root of the import graph: nothing else in the distribution imports it, and it
needs the ``host`` extra.
"""
